//! The three formats: their layout, and that no process name can do harm through them.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use netstat_events::text;
use netstat_tests::{
    output::Destination,
    scenario::TestNet,
    skip,
    sock::Sock,
    tracer::{Tracer, command},
    wait,
};
use rustix::io::Errno;

/// Names that a hostile process could have: escape sequences, quotes, separators, newlines, invalid UTF-8, C1
/// controls, a change of the writing direction. The kernel keeps 15 bytes.
const HOSTILE: [&[u8]; 13] = [
    b"\x1b]0;x\x07",
    b"\x1b[2J\x1b[31m",
    b"a\"b\\\"c",
    b"a,b;\"c\",d",
    b"two\nlines\r\n",
    b"=1+1\t@x",
    b"@SUM(1)",
    b"-1;=1;+1",
    b"\r=cmd",
    b"\xff\xfe\x80broken",
    b"cut \xf0\x9f\x98",
    b"\xc2\x9b31m csi",
    b"\xe2\x80\xaegnp.exe",
];

#[test]
fn a_hostile_process_name_harms_no_format() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    for format in ["json", "csv", "line"] {
        let tracer = start(&net, &["--format", format])?;
        let before = std::fs::read("/proc/self/comm")?;
        for name in HOSTILE {
            // The name of the process is that of its main thread.
            std::fs::write("/proc/self/comm", name)?;
            net.netns.run(|| {
                // And its threads are called the same.
                std::fs::write("/proc/thread-self/comm", name)?;
                net.pair()?.client_closes()
            })?;
        }
        std::fs::write("/proc/self/comm", before.trim_ascii_end())?;
        let trace = tracer.stop()?;
        let harm = trace.stdout.lines().find(|line| line.chars().any(harms_a_terminal));
        ensure!(harm.is_none(), "{format}: {harm:?}");
        let pid = std::process::id().to_string();
        ensure!(trace.stdout.contains(&pid), "{format}: no line names the process: {}", trace.stdout);
        let names: BTreeSet<Vec<u8>> = match format {
            "json" => {
                trace.rows()?.iter().filter_map(|row| row.comm.as_deref()).map(text::to_bytes).collect()
            }
            "csv" => {
                let table = table(&trace.stdout)?;
                let column = table[0].iter().position(|name| name == "comm").context("no column comm")?;
                let mut cells = table.iter().flatten().flat_map(|cell| cell.split(';'));
                let formula = cells.find(|cell| cell.starts_with(['=', '+', '-', '@']));
                ensure!(formula.is_none(), "a formula: {formula:?}");
                table[1..].iter().map(|cells| text::to_bytes(&cells[column])).collect()
            }
            _ => continue,
        };
        for name in HOSTILE {
            ensure!(names.contains(name), "{format}: {name:?} is not among {names:?}");
        }
    }
    Ok(())
}

#[test]
fn csv_has_a_header_and_a_line_for_each_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, &["--format", "csv"])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.stop()?;
    table(&trace.stdout)?;
    let header = trace.stdout.lines().next().context("no header")?;
    let columns: Vec<&str> = header.split(',').collect();
    for field in ["ts", "mono_ns", "conn", "local_port", "old_state", "new_state", "state_ns", "close_reason"]
    {
        ensure!(columns.contains(&field), "no column {field} in {header}");
    }
    ensure!(trace.stdout.lines().filter(|line| line.contains("SYN_SENT,ESTABLISHED")).count() >= 1);
    ensure!(trace.summary()?.seen == u64::try_from(trace.stdout.lines().count() - 1)?);
    Ok(())
}

#[test]
fn the_line_format_fits_in_100_columns_and_has_no_colours_in_a_pipe() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, &[])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let stdout = tracer.stop()?.stdout;
    // The close reason may follow after the 100 columns.
    let says_why = |line: &&str| line.contains("→ CLOSE ") || line.contains("→ TIME_WAIT");
    let long = stdout.lines().filter(|line| !says_why(line)).find(|line| line.chars().count() > 100);
    ensure!(long.is_none(), "{} columns: {long:?}", long.unwrap_or_default().chars().count());
    ensure!(!stdout.contains('\x1b'), "{stdout}");
    for word in ["SYN_SENT", "ESTABLISHED", "CLOSE_WAIT", "LISTEN", &std::process::id().to_string()] {
        ensure!(stdout.contains(word), "no {word} in {stdout}");
    }
    Ok(())
}

#[test]
fn colours_are_written_on_request_except_in_json() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    for (arguments, coloured) in [
        (&["--color", "always"][..], true),
        (&["--color", "never"], false),
        (&["--color", "auto"], false),
        (&["--json", "--color", "always"], false),
    ] {
        let tracer = start(&net, arguments)?;
        net.netns.run(|| net.pair()?.client_closes())?;
        let stdout = tracer.stop()?.stdout;
        ensure!(stdout.contains("ESTABLISHED"), "{arguments:?} shows nothing: {stdout}");
        ensure!(stdout.contains('\x1b') == coloured, "{arguments:?}: {stdout}");
    }
    Ok(())
}

/// Starts a trace of the network's addresses in any format. Repeats a refused connection until the first row shows
/// that the trace observes transitions.
fn start(net: &TestNet, arguments: &[&str]) -> Result<Tracer> {
    let mut command = command(arguments)?;
    command.args(["--addr", &net.addresses.server().ip().to_string()]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?;
    wait::until("a first row is written", || {
        net.netns.run(|| {
            Sock::tcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::CONNREFUSED)
        })?;
        Ok(tracer.lines_so_far()?.contains("SYN_SENT").then_some(()))
    })?;
    Ok(tracer)
}

/// Control characters, and characters that change the writing direction.
fn harms_a_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The cells of each line, by the rules of RFC 4180. Every line must have as many as the header.
fn table(csv: &str) -> Result<Vec<Vec<String>>> {
    let table = csv.lines().map(cells).collect::<Result<Vec<_>>>()?;
    let header = table.first().context("no header")?;
    for cells in &table {
        ensure!(cells.len() == header.len(), "{} cells instead of {}: {cells:?}", cells.len(), header.len());
    }
    Ok(table)
}

fn cells(line: &str) -> Result<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let cell = cells.last_mut().context("no cell")?;
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    ensure!(!quoted, "an open quote: {line}");
    Ok(cells)
}
