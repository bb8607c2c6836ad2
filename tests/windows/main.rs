//! The Windows binary over real sockets: they appear, change and vanish in its stream. Runs under Wine too.
#![cfg(windows)]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

use serde_json::Value;

#[test]
fn connections_appear_change_and_vanish() {
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
}
