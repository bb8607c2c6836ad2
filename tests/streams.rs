//! stdout and stderr that take less than the programs write: non-blocking pipes, readers that stop, full file systems.

#![cfg(target_os = "linux")]

use std::{
    fs::File,
    io::{PipeReader, PipeWriter, Read, Seek as _},
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use netstat_tests::{
    event::Event,
    netstat::rnetstat,
    process::Process,
    scenario::TestNet,
    skip,
    sock::Sock,
    tracer,
    wait::{self, for_exclusive_turn},
};
use rustix::{
    fs::{MemfdFlags, Mode, OFlags, fcntl_setfl, memfd_create, openat},
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
    },
    pipe::fcntl_setpipe_size,
    process::{Resource, Rlimit, Signal, setrlimit},
};

/// The smallest pipe, bytes.
const PIPE_BYTES: usize = 4096;
/// How many connections a trace shows: some hundred kilobytes of text.
const CONNECTIONS: usize = 100;
/// At least so many rows: CLOSE→SYN_SENT→ESTABLISHED of each client, on every kernel.
const LEAST_ROWS: u64 = 2 * CONNECTIONS as u64;
/// How much a full file can take: less than that.
const FILE_BYTES: u64 = 64 << 10;

#[test]
fn a_list_reaches_the_slow_reader_of_a_non_blocking_pipe_completely() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let _listeners = listeners(&net)?;
    for arguments in [&["-ant"][..], &["-ant", "--json"], &["explain", "--lang", "en"], &["--help"]] {
        let expected = net.netns.run(|| netstat_tests::netstat::text(&mut rnetstat(arguments)?))?;
        let (reader, writer) = non_blocking_pipe()?;
        let mut process = net.netns.run(|| spawn(rnetstat(arguments)?.stdout(writer)))?;
        let text = read_slowly(reader)?;
        ensure!(process.wait()?.success(), "{arguments:?} failed after {} bytes", text.len());
        ensure!(text == expected, "{arguments:?}: {} bytes, not {}", text.len(), expected.len());
    }
    Ok(())
}

#[test]
fn help_and_errors_reach_the_slow_reader_of_a_non_blocking_pipe_completely() -> Result<()> {
    let trace = |arguments: &[&str]| tracer::command(arguments);
    for (command, code, end) in [
        (trace(&["--help"])?, 0, "called wrongly."),
        (trace(&["--port", "http"])?, 2, "--help'."),
        (rnetstat(&["--port", "http"])?, 2, "--help'."),
        (trace(&["--source", "proc", "--proc-root", "/no/such"])?, 1, "--proc-root"),
    ] {
        let mut command = command;
        let (reader, writer) = non_blocking_pipe()?;
        // The pipe is full before the program writes.
        ensure!(rustix::io::write(&writer, &[b'x'; PIPE_BYTES])? == PIPE_BYTES);
        if code == 0 {
            command.stdout(writer);
        } else {
            command.stderr(writer);
        }
        let mut process = spawn(&mut command)?;
        let text = read_slowly(reader)?;
        let status = process.wait()?;
        ensure!(status.code() == Some(code), "{command:?}: {status}");
        ensure!(text.trim_end().ends_with(end), "{command:?} ends with {:?}", text.lines().last());
    }
    Ok(())
}

#[test]
fn a_trace_reaches_the_slow_reader_of_a_non_blocking_pipe_completely() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let (reader, writer) = non_blocking_pipe()?;
    let (process, stderr) = start_trace(&net, "json", writer)?;
    let reading = thread::spawn(move || read_slowly(reader));
    make_connections(&net)?;
    process.signal(Signal::INT)?;
    let text = reading.join().map_err(|_| anyhow!("the reader panicked"))??;
    let rows = rows(&text)?;
    let summary = end(process, stderr)?;
    ensure!(summary.code == 0 && summary.seen == rows && summary.lost == 0, "{rows} rows, {summary:?}");
    ensure!(rows >= LEAST_ROWS, "{rows} rows");
    ensure!(text.ends_with('\n') && text.lines().last().is_some_and(|line| line.contains("\"end\"")));
    Ok(())
}

#[test]
fn what_a_reader_of_a_non_blocking_pipe_that_stops_loses_is_counted() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let (mut reader, writer) = non_blocking_pipe()?;
    let (mut process, stderr) = start_trace(&net, "json", writer)?;
    make_connections(&net)?;
    process.signal(Signal::INT)?;
    // Nothing is read before the trace has given up.
    wait::until("it ends", || process.try_wait())?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    let rows = rows(&text)?;
    let summary = end(process, stderr)?;
    ensure!(summary.code == 0 && summary.seen == rows, "{rows} rows, {summary:?}");
    ensure!(summary.lost > 0, "nothing is lost: {summary:?}");
    Ok(())
}

#[test]
fn the_totals_reach_the_reader_of_a_full_non_blocking_stderr() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let (reader, writer) = non_blocking_pipe()?;
    ensure!(rustix::io::write(&writer, &[b'x'; PIPE_BYTES])? == PIPE_BYTES);
    let mut command = trace_command(&net, "json")?;
    let process = spawn(command.stdout(Stdio::null()).stderr(writer))?;
    writes(&process)?;
    make_connections(&net)?;
    process.signal(Signal::INT)?;
    let summary = end(process, reader)?;
    ensure!(summary.code == 0 && summary.seen >= LEAST_ROWS && summary.lost == 0, "{summary:?}");
    Ok(())
}

#[test]
fn a_full_file_system_is_an_error_and_the_file_ends_with_the_last_row_that_is_counted() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    for format in ["json", "csv"] {
        for flags in [OFlags::empty(), OFlags::APPEND] {
            let net = TestNet::new()?;
            let file = file_on_small_tmpfs(flags)?;
            let (process, stderr) = start_trace(&net, format, file.try_clone()?)?;
            fills_the_file(&net, process, stderr, file, format, "No space left on device")?;
        }
    }
    Ok(())
}

#[test]
fn the_limit_of_a_file_s_size_is_an_error_and_no_signal() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let _listeners = listeners(&net)?;
    let file = file_in_memory()?;
    let mut command = trace_command(&net, "json")?;
    let (process, stderr) = spawn_trace(limit_file_size(command.stdout(file.try_clone()?)))?;
    fills_the_file(&net, process, stderr, file, "json", "File too large")?;

    let mut file = file_in_memory()?;
    let (reader, writer) = std::io::pipe()?;
    let mut command = rnetstat(&["-ant", "--json"])?;
    command.stdout(file.try_clone()?).stderr(writer);
    let mut process = net.netns.run(|| spawn(limit_file_size(&mut command)))?;
    drop(command);
    let status = process.wait()?;
    let stderr = read_slowly(reader)?;
    ensure!(status.code() == Some(1), "{status}: {stderr}");
    ensure!(stderr.lines().count() == 1 && stderr.contains("File too large"), "{stderr}");
    let text = contents(&mut file)?;
    ensure!(text.lines().count() > 10 && text.ends_with('\n'), "{text}");
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line)?;
    }
    Ok(())
}

/// Makes connections until the trace has ended because its file is full, and checks what it leaves.
fn fills_the_file(
    net: &TestNet,
    mut process: Process,
    stderr: PipeReader,
    mut file: File,
    format: &str,
    error: &str,
) -> Result<()> {
    wait::until("the file is full", || {
        make_connections(net)?;
        process.try_wait()
    })?;
    let text = contents(&mut file)?;
    ensure!(text.ends_with('\n'), "{format}: half a line: {:?}", text.lines().last());
    let rows = if format == "csv" {
        let columns = |line: &str| line.matches(',').count();
        let header = text.lines().next().context("no header")?;
        ensure!(text.lines().all(|line| columns(line) == columns(header)), "{text}");
        text.lines().count() as u64 - 1
    } else {
        rows(&text)?
    };
    let summary = end(process, stderr)?;
    ensure!(summary.code == 1 && summary.seen == rows && rows > 0, "{format}: {rows} rows, {summary:?}");
    let reported = summary.stderr.lines().last().unwrap_or_default();
    ensure!(reported.contains("stdout can't be written") && reported.contains(error), "{summary:?}");
    Ok(())
}

/// How a trace ended.
#[derive(Debug)]
struct Summary {
    code: i32,
    seen: u64,
    lost: u64,
    stderr: String,
}

fn end(mut process: Process, mut stderr: PipeReader) -> Result<Summary> {
    let mut text = String::new();
    stderr.read_to_string(&mut text)?;
    let status = process.wait()?;
    let line = text.lines().find(|line| line.contains(" transitions seen, ")).context(text.clone())?;
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [seen, lost, ..] = numbers[..] else { anyhow::bail!("no numbers: {line}") };
    Ok(Summary { code: status.code().context("a signal ended it")?, seen, lost, stderr: text })
}

fn trace_command(net: &TestNet, format: &str) -> Result<Command> {
    tracer::command(&["--format", format, "--netns", &net.netns.inum()?.to_string()])
}

fn start_trace(net: &TestNet, format: &str, stdout: impl Into<Stdio>) -> Result<(Process, PipeReader)> {
    let mut command = trace_command(net, format)?;
    spawn_trace(command.stdout(stdout))
}

/// Starts a trace, and waits until it sees transitions.
fn spawn_trace(command: &mut Command) -> Result<(Process, PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    let process = spawn(command.stderr(writer))?;
    writes(&process)?;
    Ok((process, reader))
}

/// Waits until a trace has the thread that writes, which starts after the programs are attached.
fn writes(process: &Process) -> Result<()> {
    wait::until("the trace has its threads", || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id()))?;
        let names = tasks.flatten().filter_map(|task| std::fs::read(task.path().join("comm")).ok());
        Ok(names.into_iter().any(|name| name == b"stdout\n").then_some(()))
    })
}

/// Starts a program. The command keeps no end of a pipe.
fn spawn(command: &mut Command) -> Result<Process> {
    let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("running {command:?}"))?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Process::new(child))
}

fn limit_file_size(command: &mut Command) -> &mut Command {
    let limit =
        || Ok(setrlimit(Resource::Fsize, Rlimit { current: Some(FILE_BYTES), maximum: Some(FILE_BYTES) })?);
    // SAFETY: the closure makes only a system call, as required between fork and exec.
    unsafe { command.pre_exec(limit) }
}

fn make_connections(net: &TestNet) -> Result<()> {
    net.netns.run(|| (0..CONNECTIONS).try_for_each(|_| net.pair()?.client_closes()))
}

/// The number of transitions in JSON Lines, each of which must be whole.
fn rows(text: &str) -> Result<u64> {
    let mut rows = 0;
    for line in text.lines() {
        if matches!(Event::parse(line)?, Event::Transition(_)) {
            rows += 1;
        }
    }
    Ok(rows)
}

fn listeners(net: &TestNet) -> Result<Vec<Sock>> {
    net.netns.run(|| {
        let mut at = net.addresses.server();
        at.set_port(0);
        (0..300).map(|_| Sock::listening(at, 1)).collect()
    })
}

fn non_blocking_pipe() -> Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = std::io::pipe()?;
    fcntl_setpipe_size(&writer, PIPE_BYTES)?;
    fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}

/// Reads in small pieces, and lets the writer fill the pipe before each.
fn read_slowly(mut reader: PipeReader) -> Result<String> {
    let mut text = Vec::new();
    let mut piece = [0; 1500];
    loop {
        thread::yield_now();
        match reader.read(&mut piece)? {
            0 => return Ok(String::from_utf8(text)?),
            count => text.extend_from_slice(&piece[..count]),
        }
    }
}

/// A file on a file system of [`FILE_BYTES`] that is mounted nowhere.
fn file_on_small_tmpfs(flags: OFlags) -> Result<File> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, c"size", FILE_BYTES.to_string())?;
    fsconfig_create(&context)?;
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    let flags = flags | OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    Ok(openat(&mount, c"trace", flags, Mode::RUSR | Mode::WUSR)?.into())
}

fn file_in_memory() -> Result<File> {
    Ok(memfd_create(c"stdout", MemfdFlags::CLOEXEC).context("memfd_create")?.into())
}

fn contents(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}
