//! rnetstat-trace's stream: connections appear, change and disappear, with their owners.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    process::{self, Command, Stdio},
};

use anyhow::Result;
use serde_json::Value;

use crate::run::SampleSockets;

#[test]
fn connections_appear_change_and_disappear() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut trace = Command::new(env!("CARGO_BIN_EXE_rnetstat-trace"))
        .args(["--json", "--existing", "--interval", "100ms", "-d", "60s", "-L", &port.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(trace.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let start = events.next().unwrap();
    assert_eq!((&start["event"], &start["source"]), (&"start".into(), &"windows".into()));
    let mut until = |state: &str| {
        let found = events.find(|event| event["new_state"] == state);
        found.unwrap_or_else(|| panic!("{state} is never shown"))
    };
    assert_eq!(until("LISTEN")["event"], "existing");
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let inbound = until("ESTABLISHED");
    assert_eq!((&inbound["old_state"], &inbound["direction"]), (&"CLOSE".into(), &"inbound".into()));
    drop(client);
    assert_eq!(until("CLOSE_WAIT")["conn"], inbound["conn"]);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    drop((server, listener));
    until("CLOSE");
    trace.kill().unwrap();
    trace.wait().unwrap();
    Ok(())
}

#[test]
fn the_process_that_connects_is_named() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let output = Command::new(env!("CARGO_BIN_EXE_rnetstat-trace"))
        .args(["--json", "--existing", "-n", "1", "-d", "60s", "-D", &sockets.server.port().to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let row = events.iter().find(|event| event["event"] == "existing").unwrap();
    assert_eq!(row["local_port"], sockets.client.port());
    assert_eq!((&row["pid"], &row["owner"]), (&process::id().into(), &"scan".into()));
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    let comm = row["comm"].as_str().unwrap();
    assert!(program.starts_with(comm) && comm.len() == program.len().min(15), "{comm} is not {program}");
    Ok(())
}
