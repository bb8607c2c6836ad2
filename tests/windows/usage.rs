//! Wrong usage, closed pipes and colours of both programs.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Output, Stdio},
};

use anyhow::Result;

use crate::run::{SampleSockets, rnetstat};

fn start(program: &str, arguments: &[&str]) -> Result<Child> {
    Ok(Command::new(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

#[test]
fn wrong_usage_is_one_error_line_and_exit_code_2() -> Result<()> {
    for (arguments, named) in [
        ("-x", "'-x'"),
        ("-p sctp", "sctp"),
        ("-p ICMP", "'-p ICMP' has no sockets"),
        ("-rs", "'-r'"),
        ("--user root", "doesn't tell users"),
        ("--state FOO", "FOO"),
        ("explain FOO", "FOO"),
        ("surplus", "surplus"),
    ] {
        let Output { status, stdout, stderr } = rnetstat(arguments)?;
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!((status.code(), stdout.len()), (Some(2), 0), "{arguments}: {stderr}");
        let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{arguments}: {stderr}");
        assert!(errors[0].contains(named), "{arguments}: {stderr}");
    }
    Ok(())
}

#[test]
fn an_interval_repeats_until_the_reader_closes_the_pipe() -> Result<()> {
    let _sockets = SampleSockets::new("127.0.0.1")?;
    let mut repeats = start(env!("CARGO_BIN_EXE_rnetstat"), &["-an", "1"])?;
    let lines = BufReader::new(repeats.stdout.take().unwrap()).lines();
    let titles = lines.map(|line| line.unwrap()).filter(|line| line == "Active Connections");
    assert_eq!(titles.take(2).count(), 2);
    let Output { status, stderr, .. } = repeats.wait_with_output().unwrap();
    assert_eq!((status.code(), stderr.len()), (Some(0), 0), "{}", String::from_utf8_lossy(&stderr));
    Ok(())
}

#[test]
fn a_trace_whose_reader_closes_the_pipe_ends_silently() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let port = sockets.server.port().to_string();
    // Without a duration, so that only the closed pipe can end it.
    let arguments = ["--json", "--existing", "--interval", "50ms", "--port", &port];
    let mut trace = start(env!("CARGO_BIN_EXE_rnetstat-trace"), &arguments)?;
    let mut stdout = BufReader::new(trace.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    // Closing the sockets makes it write to the closed pipe.
    drop(sockets);
    let mut said = String::new();
    trace.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(trace.wait().unwrap().code(), Some(0), "{said}");
    assert!(!said.contains("pipe") && !said.contains("os error"), "{said}");
    Ok(())
}

#[test]
fn escape_codes_go_only_to_a_console_or_on_request() -> Result<()> {
    let _sockets = SampleSockets::new("127.0.0.1")?;
    let output = |arguments: &[&str], no_color: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rnetstat"));
        command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        command.output().unwrap().stdout
    };
    assert!(!output(&["-an"], false).contains(&0x1b));
    assert!(!output(&["-an"], true).contains(&0x1b));
    assert!(output(&["-an", "--color", "always"], true).contains(&0x1b));
    Ok(())
}
