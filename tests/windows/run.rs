//! Runs the binaries, and makes sockets for them to show.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Output},
};

use anyhow::{Result, ensure};
use serde_json::Value;

/// Runs rnetstat and waits for its end.
pub fn rnetstat(arguments: &str) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_rnetstat")).args(arguments.split_whitespace()).output()?)
}

/// The output of a successful rnetstat.
pub fn text(arguments: &str) -> Result<String> {
    let Output { status, stdout, stderr } = rnetstat(arguments)?;
    let stderr = String::from_utf8(stderr)?;
    ensure!(status.success() && stderr.is_empty(), "rnetstat {arguments}: {status}: {stderr}");
    Ok(String::from_utf8(stdout)?)
}

/// The lines of rnetstat's JSON.
pub fn json(arguments: &str) -> Result<Vec<Value>> {
    text(&format!("{arguments} --json"))?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// A listener, a connection to it, and a UDP socket.
pub struct SampleSockets {
    _listener: TcpListener,
    _client: TcpStream,
    _server: TcpStream,
    _datagrams: UdpSocket,
    /// The local endpoint of the listener and of the accepted socket.
    pub server: SocketAddr,
    /// The local endpoint of the connecting socket.
    pub client: SocketAddr,
    /// The UDP socket's endpoint.
    pub datagrams: SocketAddr,
}

impl SampleSockets {
    /// Sockets on this address, with ports of their own.
    pub fn new(addr: &str) -> Result<Self> {
        let listener = TcpListener::bind((addr, 0))?;
        let server = listener.local_addr()?;
        let mut connected = TcpStream::connect(server)?;
        let (mut accepted, client) = listener.accept()?;
        // Wine reports an owner only for IPv4 sockets that connected and transferred data.
        connected.write_all(b"x")?;
        accepted.read_exact(&mut [0])?;
        let datagrams = UdpSocket::bind((addr, 0))?;
        let end = datagrams.local_addr()?;
        Ok(Self {
            _listener: listener,
            _client: connected,
            _server: accepted,
            _datagrams: datagrams,
            server,
            client,
            datagrams: end,
        })
    }
}
