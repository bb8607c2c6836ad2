//! The binaries, and sockets for them to see.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Output},
};

use serde_json::Value;

/// Runs rnetstat to its end.
pub fn rnetstat(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rnetstat")).args(arguments.split_whitespace()).output().unwrap()
}

/// What rnetstat says where nothing is wrong.
pub fn text(arguments: &str) -> String {
    let Output { status, stdout, stderr } = rnetstat(arguments);
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success() && stderr.is_empty(), "rnetstat {arguments}: {status}: {stderr}");
    String::from_utf8(stdout).unwrap()
}

/// The lines of rnetstat's JSON.
pub fn json(arguments: &str) -> Vec<Value> {
    text(&format!("{arguments} --json")).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A listener, a connection to it, and a socket of UDP.
pub struct World {
    _listener: TcpListener,
    _client: TcpStream,
    _server: TcpStream,
    _datagrams: UdpSocket,
    /// The listener's end, which is the accepted socket's too.
    pub server: SocketAddr,
    /// The connecting socket's end.
    pub client: SocketAddr,
    /// UDP's end.
    pub datagrams: SocketAddr,
}

impl World {
    /// On this address, with ports that nobody else has.
    pub fn new(addr: &str) -> Self {
        let listener = TcpListener::bind((addr, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        let mut connected = TcpStream::connect(server).unwrap();
        let (mut accepted, client) = listener.accept().unwrap();
        // Wine knows whose a socket is if it connected and was used, and if it is IPv4's.
        connected.write_all(b"x").unwrap();
        accepted.read_exact(&mut [0]).unwrap();
        let datagrams = UdpSocket::bind((addr, 0)).unwrap();
        let end = datagrams.local_addr().unwrap();
        Self {
            _listener: listener,
            _client: connected,
            _server: accepted,
            _datagrams: datagrams,
            server,
            client,
            datagrams: end,
        }
    }
}
