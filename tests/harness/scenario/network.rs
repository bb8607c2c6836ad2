//! Connections between two namespaces: over a veth pair, and over a link that delays and drops packets.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use rustix::{io::Errno, net::sockopt};

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, CLIENT_RESET, LISTENER, Pair, SERVER_PASSIVE_CLOSE,
    SERVER_RESET, Scenario, TestNet,
};
use crate::{
    checkpoint::{also_check, checkpoint},
    netns::Namespace,
    proc_tcp,
    sock::Sock,
    wire::Wire,
};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "client and server are in two namespaces joined by veth",
        run: over_veth,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "nobody listens behind the veth",
        run: refused_over_veth,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the wire delays every packet",
        run: over_wire,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "both ends close while their FINs are on the wire",
        run: simultaneous_close,
        histories: &[
            LISTENER,
            "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
            "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
        ],
    },
    Scenario {
        name: "both ends open while their SYNs are on the wire",
        run: simultaneous_open,
        histories: &[
            "CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE",
            "CLOSE SYN_SENT SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ],
    },
    Scenario {
        name: "nobody answers and the client gives up",
        run: gives_up,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "nobody answers until the connect times out",
        run: connect_times_out,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the last packet of the handshake never arrives",
        run: never_completes,
        histories: &[LISTENER, CLIENT_RESET],
    },
    Scenario {
        name: "the peer disappears and the user timeout strikes",
        run: user_timeout,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the peer disappears and keepalive notices",
        run: keepalive,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the peer disappears before the FIN",
        run: fin_unanswered,
        histories: &[LISTENER, "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE", SERVER_RESET],
    },
];

fn over_veth(net: &TestNet) -> Result<()> {
    let far = Namespace::new()?;
    also_check(&far)?;
    net.netns.join(net.addresses.link(1), &far, net.addresses.link(2))?;
    let address = SocketAddr::new(net.addresses.link(2), net.addresses.port());
    near_closes_first(Pair::through(far.run(|| Sock::listening(address, 8))?)?)
}

/// Both namespaces must exist until both ends have closed.
fn near_closes_first(pair: Pair) -> Result<()> {
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    pair.server.wait_for("CLOSE")?;
    checkpoint("TIME_WAIT")?;
    drop(pair);
    Ok(())
}

fn refused_over_veth(net: &TestNet) -> Result<()> {
    let far = Namespace::new()?;
    also_check(&far)?;
    net.netns.join(net.addresses.link(1), &far, net.addresses.link(2))?;
    let address = SocketAddr::new(net.addresses.link(2), net.addresses.port());
    Sock::tcp(address)?.connect_fails(address, Errno::CONNREFUSED)
}

fn over_wire(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    near_closes_first(wire.pair()?)
}

fn simultaneous_close(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let pair = wire.pair()?;
    pair.client.shutdown_write()?;
    pair.server.shutdown_write()?;
    pair.client.wait_for("CLOSE")?;
    pair.server.wait_for("CLOSE")?;
    checkpoint("TIME_WAIT TIME_WAIT")
}

fn simultaneous_open(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let near = Sock::tcp(wire.near_address)?;
    near.bind(wire.near_address)?;
    let far = wire.far.run(|| Sock::tcp(wire.address))?;
    far.bind(wire.address)?;
    near.start_connect(wire.address)?;
    far.start_connect(wire.near_address)?;
    near.wait_for("ESTABLISHED")?;
    far.wait_for("ESTABLISHED")?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    near.shutdown_write()?;
    far.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    far.shutdown_write()?;
    near.receive_fin()?;
    far.wait_for("CLOSE")?;
    checkpoint("TIME_WAIT")
}

fn gives_up(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    checkpoint("SYN_SENT")?;
    client.close();
    checkpoint("")
}

fn connect_times_out(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    checkpoint("SYN_SENT")?;
    client.option(libc::IPPROTO_TCP, libc::TCP_SYNCNT, 1)?;
    client.receive_fails(Errno::TIMEDOUT)?;
    checkpoint("")
}

/// The server keeps a request socket for a while, which the tracepoint doesn't show.
fn never_completes(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let _listener = wire.far.run(|| Sock::listening(wire.address, 8))?;
    wire.relay.cut_backward(true);
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    wire.far.run(|| proc_tcp::wait_for(1, net.addresses.port(), "SYN_RECV"))?;
    checkpoint("LISTEN SYN_SENT SYN_RECV")?;
    wire.relay.cut_forward(true);
    // The server retransmits its SYN-ACK after a second.
    wire.relay.cut_backward(false);
    client.wait_for("ESTABLISHED")?;
    checkpoint("ESTABLISHED SYN_RECV")?;
    client.reset()?;
    checkpoint("SYN_RECV")
}

fn user_timeout(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let Pair { client, server, .. } = wire.pair()?;
    client.option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 300)?;
    wire.cut();
    client.send(b"anybody there?")?;
    client.receive_fails(Errno::TIMEDOUT)?;
    checkpoint("ESTABLISHED")?;
    server.reset()?;
    checkpoint("")
}

fn keepalive(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let Pair { client, server, .. } = wire.pair()?;
    let second = Duration::from_secs(1);
    sockopt::set_tcp_keepidle(client.fd(), second)?;
    sockopt::set_tcp_keepintvl(client.fd(), second)?;
    sockopt::set_tcp_keepcnt(client.fd(), 1)?;
    sockopt::set_socket_keepalive(client.fd(), true)?;
    wire.cut();
    client.receive_fails(Errno::TIMEDOUT)?;
    checkpoint("ESTABLISHED")?;
    server.reset()?;
    checkpoint("")
}

fn fin_unanswered(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let Pair { client, server, .. } = wire.pair()?;
    wire.cut();
    client.shutdown_write()?;
    checkpoint("FIN_WAIT1 ESTABLISHED")?;
    client.option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 300)?;
    client.receive_fails(Errno::TIMEDOUT)?;
    checkpoint("ESTABLISHED")?;
    server.reset()?;
    checkpoint("")
}
