//! How a client opens a connection, or fails to.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use rustix::io::Errno;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, LISTENER, Pair, SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario,
    TestNet,
};
use crate::{checkpoint::checkpoint, netns::ip, proc_tcp, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "nobody listens", run: refused, histories: &[CLIENT_CONNECT_FAILS] },
    Scenario {
        name: "a refused socket tries again and gets through",
        run: refused_then_accepted,
        histories: &[CLIENT_CONNECT_FAILS, LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the client binds to a port before it connects",
        run: bound_first,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the client binds to an address and leaves the port to connect",
        run: address_without_port,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the server answers with SYN cookies",
        run: syn_cookies,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "Fast Open carries data in the SYN once the client has the cookie",
        run: fast_open,
        histories: &[
            LISTENER,
            CLIENT_ACTIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
            CLIENT_ACTIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
        ],
    },
    Scenario {
        name: "the accept queue is full and the client gives up",
        run: backlog_overflow,
        histories: &[
            LISTENER,
            CLIENT_CONNECT_FAILS,
            "CLOSE SYN_SENT ESTABLISHED CLOSE",
            "CLOSE SYN_SENT ESTABLISHED CLOSE",
            SERVER_RESET,
            SERVER_RESET,
        ],
    },
    Scenario {
        name: "a connection with itself is reset",
        run: self_connection_reset,
        histories: &[SELF_CONNECTION_RESET],
    },
    Scenario { name: "the route is missing and nothing happens", run: no_route, histories: &[] },
    Scenario { name: "a socket is bound and never used", run: bound_only, histories: &[] },
];

const SELF_CONNECTION_RESET: &str = "CLOSE SYN_SENT SYN_RECV ESTABLISHED CLOSE";

fn refused(net: &TestNet) -> Result<()> {
    Sock::tcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::CONNREFUSED)
}

fn refused_then_accepted(net: &TestNet) -> Result<()> {
    let client = Sock::tcp(net.addresses.server())?;
    client.connect_fails(net.addresses.server(), Errno::CONNREFUSED)?;
    let listener = net.listener()?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn bound_first(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::tcp(net.addresses.server())?;
    let own = SocketAddr::new(net.addresses.loopback(2), net.addresses.port() + 1);
    client.bind(own)?;
    client.connect(net.addresses.server())?;
    ensure!(client.local()? == own, "the client left its port");
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn address_without_port(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::tcp(net.addresses.server())?;
    client.option(libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    client.bind(SocketAddr::new(net.addresses.loopback(2), 0))?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn syn_cookies(net: &TestNet) -> Result<()> {
    net.netns.sysctl("ipv4/tcp_syncookies", "2")?;
    net.pair()?.client_closes()
}

fn fast_open(net: &TestNet) -> Result<()> {
    net.netns.sysctl("ipv4/tcp_fastopen", "3")?;
    let listener = net.listener()?;
    listener.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 8)?;
    for _ in ["asks for the cookie", "uses it"] {
        let client = Sock::tcp(net.addresses.server())?;
        client.send_with_syn(b"early", net.addresses.server())?;
        let server = listener.accept()?;
        server.receive(5)?;
        checkpoint("ESTABLISHED ESTABLISHED")?;
        client.close();
        server.receive_fin()?;
        checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
        server.close();
        checkpoint("TIME_WAIT")?;
    }
    Ok(())
}

fn backlog_overflow(net: &TestNet) -> Result<()> {
    // With SYN cookies the kernel would answer the SYN although the accept queue is full.
    net.netns.sysctl("ipv4/tcp_syncookies", "0")?;
    let listener = Sock::listening(net.addresses.server(), 1)?;
    let queued = [Sock::connected(net.addresses.server())?, Sock::connected(net.addresses.server())?];
    proc_tcp::wait_for(queued.len(), net.addresses.port(), "ESTABLISHED")?;
    checkpoint("LISTEN ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED")?;
    let stuck = Sock::tcp(net.addresses.server())?;
    stuck.start_connect(net.addresses.server())?;
    ensure!(stuck.state()? == "SYN_SENT", "the full queue took a third connection");
    checkpoint("SYN_SENT")?;
    stuck.close();
    for client in queued {
        client.reset()?;
    }
    for _ in 0..2 {
        let server = listener.accept()?;
        server.receive_fails(Errno::CONNRESET)?;
        server.close();
    }
    checkpoint("LISTEN")
}

/// A simultaneous open: the socket connects to itself.
fn self_connection_reset(net: &TestNet) -> Result<()> {
    let sock = Sock::tcp(net.addresses.server())?;
    sock.bind(net.addresses.server())?;
    sock.connect(net.addresses.server())?;
    checkpoint("ESTABLISHED")?;
    sock.reset()?;
    checkpoint("")
}

fn no_route(net: &TestNet) -> Result<()> {
    ip(&format!("route add unreachable {}/32", net.addresses.link(9)))?;
    let nowhere = SocketAddr::new(net.addresses.link(9), net.addresses.port());
    Sock::tcp(nowhere)?.connect_fails(nowhere, Errno::HOSTUNREACH)
}

fn bound_only(net: &TestNet) -> Result<()> {
    Sock::tcp(net.addresses.server())?.bind(net.addresses.server())
}
