//! Wrong usage, and hosts that can't be traced: one clear line, the right exit code, nothing on stdout.

#![cfg(target_os = "linux")]

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use netstat_tests::{
    event::{Event, Source},
    mounts,
    netstat::rnetstat,
    privilege::BinaryCopy,
    skip,
    trace::is_one_error,
    tracer,
};

#[test]
fn wrong_usage_is_one_error_line_that_names_the_value_and_exit_code_2() -> Result<()> {
    for (arguments, named) in [
        (&["--port", "70000"][..], "70000"),
        (&["--port", "0"], "0"),
        (&["--port", "http"], "http"),
        (&["-L", "80-79"], "80-79"),
        (&["-D", "80,,81"], "\"\""),
        (&["-s", "FOO"], "FOO"),
        (&["--addr", "10.0.0.0/33"], "10.0.0.0/33"),
        (&["--local", "10.0.0"], "10.0.0"),
        (&["--remote", "::/129"], "::/129"),
        (&["-d", "abc"], "abc"),
        (&["-d", "0"], "0"),
        (&["-d", "-1s"], "\"-1s\" is too short: say a time longer than 0"),
        (&["-d", "1e400"], "\"1e400\" is no duration: say one like"),
        (&["-n", "many"], "\"many\" is no number of rows: say one from 1 on"),
        (&["-n", "inf"], "\"inf\" is no number of rows: say one from 1 on"),
        (&["-n", "-1"], "\"-1\" is no number of rows: say one from 1 on"),
        (&["-n", ""], "\"\" is no number of rows: say one from 1 on"),
        (&["--table-size", "63K"], "\"63K\" is no number of connections: say one from 1 on"),
        (&["--table-size", "-1"], "\"-1\" is no number of connections: say one from 1 on"),
        (&["--ring-size", "63K"], "\"63K\" is no ring size: say a power of two"),
        (&["--interval", "nan"], "\"nan\" is no duration: say one like"),
        (&["--interval", "inf"], "\"inf\" is no duration: say one like"),
        (&["--pid", "inf"], "\"inf\" is no process id: say a number"),
        (&["--user", ""], "there is no user \"\" here: say another"),
        (&["--netns", ""], "there is no network namespace \"\" here: say"),
        (&["--cgroup", ""], "there is no cgroup \"\""),
        (&["--comm", ""], "\"\" is no process name: say one"),
        (&["-4", "-6"], "-6"),
        (&["-4", "--addr", "::1/128"], "::1"),
        (&["-6", "--local", "127.0.0.1"], "127.0.0.1"),
        (&["--format", "xml"], "\"xml\" is no format: say line, json or csv"),
        (&["--json", "--format", "csv"], "--format"),
        (&["--source", "magic"], "\"magic\" is no source: say auto, ebpf, proc or windows"),
        (&["--color", "mauve"], "\"mauve\" is no choice of colours: say auto, always or never"),
        (&["--interval", "0"], "0"),
        (&["--no-such-option"], "--no-such-option"),
        (&["surplus"], "surplus"),
    ] {
        let output = run(tracer::command(arguments)?)?;
        is_one_error(&output, 2, &[named]).with_context(|| format!("with {arguments:?}"))?;
    }
    Ok(())
}

#[test]
fn a_value_that_is_no_text_is_named_in_the_error() -> Result<()> {
    let value = OsStr::from_bytes(b"80\xff");
    for option in
        ["--port", "--addr", "-s", "-d", "-n", "--table-size", "--ring-size", "--format", "--pid", "--user"]
    {
        for mut command in [tracer::command(&[])?, rnetstat(&[])?] {
            let is_trace_only = !["--port", "--addr", "--pid", "--user"].contains(&option);
            if is_trace_only && command.get_program().as_bytes().ends_with(b"rnetstat") {
                continue;
            }
            let output = run_command(command.arg(option).arg(value))?;
            is_one_error(&output, 2, &["80"]).with_context(|| format!("with {option}"))?;
        }
    }
    Ok(())
}

#[test]
fn help_and_version_need_no_privileges_and_go_to_stdout() -> Result<()> {
    for (arguments, says) in
        [("--help", "--remote-port"), ("-h", "--remote-port"), ("-V", env!("CARGO_PKG_VERSION"))]
    {
        let output = run(tracer::command(&[arguments])?)?;
        ensure!(output.status.success(), "{arguments} gave {output:?}");
        ensure!(String::from_utf8(output.stdout)?.contains(says), "{arguments} doesn't say {says}");
        ensure!(output.stderr.is_empty(), "{arguments} wrote to stderr");
    }
    Ok(())
}

#[test]
fn help_that_can_not_be_written_is_one_error_line_of_the_program() -> Result<()> {
    for mut command in [tracer::command(&["--help"])?, rnetstat(&["--help"])?] {
        let full = File::options().write(true).open("/dev/full").context("opening /dev/full")?;
        let program = Path::new(command.get_program()).file_name().context("no file name")?;
        let name = program.to_string_lossy().into_owned();
        let output = command.stdout(full).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
        let stderr = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{name}: {}", output.status);
        let beginning = format!("{name}: stdout can't be written: No space left on device");
        ensure!(stderr.starts_with(&beginning) && stderr.lines().count() == 1, "{name}: {stderr:?}");
    }
    Ok(())
}

#[test]
fn without_privileges_it_polls_proc_and_says_what_polls_miss() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let copy = BinaryCopy::new(None)?;
    let output = run(copy.as_nobody(&["--json", "-d", "1s"]))?;
    let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{}: {stderr}", output.status);
    let Event::Start(start) = Event::parse(stdout.lines().next().context("nothing on stdout")?)? else {
        bail!("it doesn't begin with `start`: {stdout}")
    };
    ensure!(start.source == Source::Proc && start.hooks.is_empty(), "{start:?}");
    let reported: Vec<&str> = stderr.lines().filter(|line| line.contains("CAP_BPF")).collect();
    ensure!(reported.len() == 1, "the fallback is not announced once: {stderr}");
    for words in ["eBPF", "root", "connections shorter than 1 s are not seen"] {
        ensure!(reported[0].contains(words), "{words:?} is missing: {stderr}");
    }
    Ok(())
}

#[test]
fn a_requested_source_that_does_not_work_is_an_error() -> Result<()> {
    is_one_error(&run(tracer::command(&["--source", "windows"])?)?, 1, &["Windows"])?;
    let no_proc = ["--source", "proc", "--proc-root", "/no/such/directory"];
    is_one_error(&run(tracer::command(&no_proc)?)?, 1, &["/no/such/directory", "--proc-root"])
}

#[test]
fn without_btf_and_tracefs_the_ebpf_source_names_both_in_one_line() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = tracer::command(&["--json", "-d", "1s", "--source", "ebpf"])?;
    mounts::hide(&mut command, &[c"/sys/kernel/btf", c"/sys/kernel/tracing"]);
    is_one_error(&run(command)?, 1, &["BTF", "tracefs"])
}

fn run(mut command: Command) -> Result<Output> {
    run_command(&mut command)
}

fn run_command(command: &mut Command) -> Result<Output> {
    command.output().context("running the program")
}
