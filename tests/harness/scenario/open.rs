//! The ways in which a client opens a connection, or fails to.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use rustix::io::Errno;

use super::{CLIENT_CLOSES, CLIENT_FAILS, Case, LISTENER, Pair, Place, SERVER_FOLLOWS, SERVER_RESET};
use crate::{netns::ip, proc_tcp, rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "nobody listens", play: refused, lives: &[CLIENT_FAILS] },
    Case {
        name: "a refused socket tries again and gets through",
        play: refused_then_accepted,
        lives: &[CLIENT_FAILS, LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the client binds to a port before it connects",
        play: bound_first,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the client binds to an address and leaves the port to connect",
        play: address_without_port,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the server answers with SYN cookies",
        play: syn_cookies,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "Fast Open carries data in the SYN once the client has the cookie",
        play: fast_open,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the accept queue is full and the client gives up",
        play: backlog_overflow,
        lives: &[
            LISTENER,
            CLIENT_FAILS,
            "CLOSE SYN_SENT ESTABLISHED CLOSE",
            "CLOSE SYN_SENT ESTABLISHED CLOSE",
            SERVER_RESET,
            SERVER_RESET,
        ],
    },
    Case { name: "a connection with itself is reset", play: self_connection_reset, lives: &[SELF_RESET] },
    Case { name: "the route is missing and nothing happens", play: no_route, lives: &[] },
    Case { name: "a socket is bound and never used", play: bound_only, lives: &[] },
];

const SELF_RESET: &str = "CLOSE SYN_SENT SYN_RECV ESTABLISHED CLOSE";

fn refused(place: &Place) -> Result<()> {
    Sock::tcp(place.block.server())?.connect_fails(place.block.server(), Errno::CONNREFUSED)
}

fn refused_then_accepted(place: &Place) -> Result<()> {
    let client = Sock::tcp(place.block.server())?;
    client.connect_fails(place.block.server(), Errno::CONNREFUSED)?;
    let listener = place.listener()?;
    client.connect(place.block.server())?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn bound_first(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::tcp(place.block.server())?;
    let own = SocketAddr::new(place.block.loopback(2), place.block.port() + 1);
    client.bind(own)?;
    client.connect(place.block.server())?;
    ensure!(client.local()? == own, "the client left its port");
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn address_without_port(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::tcp(place.block.server())?;
    client.option(libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    client.bind(SocketAddr::new(place.block.loopback(2), 0))?;
    client.connect(place.block.server())?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn syn_cookies(place: &Place) -> Result<()> {
    place.here.sysctl("ipv4/tcp_syncookies", "2")?;
    place.pair()?.client_closes()
}

fn fast_open(place: &Place) -> Result<()> {
    place.here.sysctl("ipv4/tcp_fastopen", "3")?;
    let listener = place.listener()?;
    listener.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 8)?;
    for _ in ["asks for the cookie", "uses it"] {
        let client = Sock::tcp(place.block.server())?;
        client.send_with_syn(b"early", place.block.server())?;
        let server = listener.accept()?;
        server.receive(5)?;
        rest("ESTABLISHED ESTABLISHED")?;
        client.close();
        server.receive_fin()?;
        rest("FIN_WAIT2 CLOSE_WAIT")?;
        server.close();
        rest("TIME_WAIT")?;
    }
    Ok(())
}

fn backlog_overflow(place: &Place) -> Result<()> {
    // With cookies the kernel would answer the SYN although it has no room.
    place.here.sysctl("ipv4/tcp_syncookies", "0")?;
    let listener = Sock::listening(place.block.server(), 1)?;
    let queued = [Sock::connected(place.block.server())?, Sock::connected(place.block.server())?];
    proc_tcp::wait_for(queued.len(), place.block.port(), "ESTABLISHED")?;
    rest("LISTEN ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED")?;
    let stuck = Sock::tcp(place.block.server())?;
    stuck.start_connect(place.block.server())?;
    ensure!(stuck.state()? == "SYN_SENT", "the full queue took a third connection");
    rest("SYN_SENT")?;
    stuck.close();
    for client in queued {
        client.reset()?;
    }
    for _ in 0..2 {
        let server = listener.accept()?;
        server.receive_fails(Errno::CONNRESET)?;
        server.close();
    }
    rest("LISTEN")
}

/// A simultaneous open: the socket's peer is the socket.
fn self_connection_reset(place: &Place) -> Result<()> {
    let sock = Sock::tcp(place.block.server())?;
    sock.bind(place.block.server())?;
    sock.connect(place.block.server())?;
    rest("ESTABLISHED")?;
    sock.reset()?;
    rest("")
}

fn no_route(place: &Place) -> Result<()> {
    ip(&format!("route add unreachable {}/32", place.block.link(9)))?;
    let nowhere = SocketAddr::new(place.block.link(9), place.block.port());
    Sock::tcp(nowhere)?.connect_fails(nowhere, Errno::HOSTUNREACH)
}

fn bound_only(place: &Place) -> Result<()> {
    Sock::tcp(place.block.server())?.bind(place.block.server())
}
