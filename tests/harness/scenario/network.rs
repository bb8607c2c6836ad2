//! Connections between two namespaces: over a veth pair, and over a wire that delays and loses packets.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use rustix::{io::Errno, net::sockopt};

use super::{
    CLIENT_CLOSES, CLIENT_FAILS, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_FOLLOWS, SERVER_RESET,
};
use crate::{
    netns::Namespace,
    proc_tcp,
    rest::{also_in, rest},
    sock::Sock,
    wire::Wire,
};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "client and server live in two namespaces joined by veth",
        play: over_veth,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case { name: "nobody listens beyond the veth", play: refused_over_veth, lives: &[CLIENT_FAILS] },
    Case {
        name: "the wire delays every packet",
        play: over_wire,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "both ends close while their FINs are on the wire",
        play: simultaneous_close,
        lives: &[
            LISTENER,
            "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
            "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE",
        ],
    },
    Case {
        name: "both ends open while their SYNs are on the wire",
        play: simultaneous_open,
        lives: &[
            "CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE",
            "CLOSE SYN_SENT SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ],
    },
    Case { name: "nobody answers and the client gives up", play: gives_up, lives: &[CLIENT_FAILS] },
    Case {
        name: "nobody answers until the connect times out",
        play: connect_times_out,
        lives: &[CLIENT_FAILS],
    },
    Case {
        name: "the handshake's last packet never comes",
        play: never_completes,
        lives: &[LISTENER, CLIENT_RESET],
    },
    Case {
        name: "the peer vanishes and the user timeout strikes",
        play: user_timeout,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "the peer vanishes and keepalive notices",
        play: keepalive,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "the peer vanishes before the FIN",
        play: fin_unanswered,
        lives: &[LISTENER, "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE", SERVER_RESET],
    },
];

fn over_veth(place: &Place) -> Result<()> {
    let far = Namespace::new()?;
    also_in(&far)?;
    place.here.join(place.block.link(1), &far, place.block.link(2))?;
    let address = SocketAddr::new(place.block.link(2), place.block.port());
    near_closes_first(Pair::through(far.run(|| Sock::listening(address, 8))?)?)
}

/// Neither namespace may go before both ends are done.
fn near_closes_first(pair: Pair) -> Result<()> {
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    pair.server.wait_for("CLOSE")?;
    rest("TIME_WAIT")?;
    drop(pair);
    Ok(())
}

fn refused_over_veth(place: &Place) -> Result<()> {
    let far = Namespace::new()?;
    also_in(&far)?;
    place.here.join(place.block.link(1), &far, place.block.link(2))?;
    let address = SocketAddr::new(place.block.link(2), place.block.port());
    Sock::tcp(address)?.connect_fails(address, Errno::CONNREFUSED)
}

fn over_wire(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    near_closes_first(wire.pair()?)
}

fn simultaneous_close(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let pair = wire.pair()?;
    pair.client.shutdown_write()?;
    pair.server.shutdown_write()?;
    pair.client.wait_for("CLOSE")?;
    pair.server.wait_for("CLOSE")?;
    rest("TIME_WAIT TIME_WAIT")
}

fn simultaneous_open(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let near = Sock::tcp(wire.near_address)?;
    near.bind(wire.near_address)?;
    let far = wire.far.run(|| Sock::tcp(wire.address))?;
    far.bind(wire.address)?;
    near.start_connect(wire.address)?;
    far.start_connect(wire.near_address)?;
    near.wait_for("ESTABLISHED")?;
    far.wait_for("ESTABLISHED")?;
    rest("ESTABLISHED ESTABLISHED")?;
    near.shutdown_write()?;
    far.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    far.shutdown_write()?;
    near.receive_fin()?;
    far.wait_for("CLOSE")?;
    rest("TIME_WAIT")
}

fn gives_up(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    rest("SYN_SENT")?;
    client.close();
    rest("")
}

fn connect_times_out(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    rest("SYN_SENT")?;
    client.option(libc::IPPROTO_TCP, libc::TCP_SYNCNT, 1)?;
    client.receive_fails(Errno::TIMEDOUT)?;
    rest("")
}

/// The server keeps a half-open connection for a while, of which the tracepoint knows nothing.
fn never_completes(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let _listener = wire.far.run(|| Sock::listening(wire.address, 8))?;
    wire.relay.cut_backward(true);
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    wire.far.run(|| proc_tcp::wait_for(1, place.block.port(), "SYN_RECV"))?;
    rest("LISTEN SYN_SENT SYN_RECV")?;
    wire.relay.cut_forward(true);
    // The server repeats its SYN-ACK after a second.
    wire.relay.cut_backward(false);
    client.wait_for("ESTABLISHED")?;
    rest("ESTABLISHED SYN_RECV")?;
    client.reset()?;
    rest("SYN_RECV")
}

fn user_timeout(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let Pair { client, server, .. } = wire.pair()?;
    client.option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 300)?;
    wire.cut();
    client.send(b"anybody there?")?;
    client.receive_fails(Errno::TIMEDOUT)?;
    rest("ESTABLISHED")?;
    server.reset()?;
    rest("")
}

fn keepalive(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let Pair { client, server, .. } = wire.pair()?;
    let second = Duration::from_secs(1);
    sockopt::set_tcp_keepidle(client.fd(), second)?;
    sockopt::set_tcp_keepintvl(client.fd(), second)?;
    sockopt::set_tcp_keepcnt(client.fd(), 1)?;
    sockopt::set_socket_keepalive(client.fd(), true)?;
    wire.cut();
    client.receive_fails(Errno::TIMEDOUT)?;
    rest("ESTABLISHED")?;
    server.reset()?;
    rest("")
}

fn fin_unanswered(place: &Place) -> Result<()> {
    let wire = Wire::new(place)?;
    let Pair { client, server, .. } = wire.pair()?;
    wire.cut();
    client.shutdown_write()?;
    rest("FIN_WAIT1 ESTABLISHED")?;
    client.option(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 300)?;
    client.receive_fails(Errno::TIMEDOUT)?;
    rest("ESTABLISHED")?;
    server.reset()?;
    rest("")
}
