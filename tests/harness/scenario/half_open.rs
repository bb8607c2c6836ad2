//! Handshakes that never complete. The tracepoint shows only the listener and the client.

use anyhow::Result;

use super::{CLIENT_FAILS, Case, LISTENER, Place};
use crate::{proc_tcp, rest::rest, sock::Sock, wire::Wire};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "nobody answers the SYN-ACK and the server gives up",
        play: server_gives_up,
        lives: &[LISTENER, CLIENT_FAILS],
    },
    Case {
        name: "the client is gone when the SYN-ACK comes",
        play: client_is_gone,
        lives: &[LISTENER, CLIENT_FAILS],
    },
    Case {
        name: "the listener goes while a connection is half open",
        play: listener_goes,
        lives: &[LISTENER, CLIENT_FAILS],
    },
];

/// A client whose SYN has come, and no SYN-ACK to it.
struct HalfOpen {
    wire: Wire,
    listener: Sock,
    client: Sock,
    port: u16,
}

impl HalfOpen {
    fn new(place: &Place) -> Result<Self> {
        let wire = Wire::new(place)?;
        let listener = wire.listen()?;
        wire.relay.cut_backward(true);
        let client = Sock::tcp(wire.address)?;
        client.start_connect(wire.address)?;
        let half_open = Self { wire, listener, client, port: place.block.port() };
        half_open.wire.far.run(|| proc_tcp::wait_for(1, half_open.port, "SYN_RECV"))?;
        rest("LISTEN SYN_SENT SYN_RECV")?;
        // No repeated SYN comes when the first has had its end.
        half_open.wire.relay.cut_forward(true);
        // The SYN-ACK is sent once and, where it is sent again, after a second.
        half_open.wire.far.sysctl("ipv4/tcp_synack_retries", "1")?;
        Ok(half_open)
    }
}

fn server_gives_up(place: &Place) -> Result<()> {
    let half_open = HalfOpen::new(place)?;
    half_open.wire.far.run(|| proc_tcp::wait_for_none(half_open.port, "SYN_RECV"))?;
    rest("LISTEN SYN_SENT")?;
    half_open.client.close();
    rest("LISTEN")
}

fn client_is_gone(place: &Place) -> Result<()> {
    let HalfOpen { wire, listener, client, port } = HalfOpen::new(place)?;
    client.close();
    wire.relay.cut_forward(false);
    wire.relay.cut_backward(false);
    // Its host answers the repeated SYN-ACK with an RST.
    wire.far.run(|| proc_tcp::wait_for_none(port, "SYN_RECV"))?;
    rest("LISTEN")?;
    listener.close();
    rest("")
}

fn listener_goes(place: &Place) -> Result<()> {
    let half_open = HalfOpen::new(place)?;
    half_open.wire.cut();
    let HalfOpen { wire, listener, client, port } = half_open;
    listener.close();
    wire.far.run(|| proc_tcp::wait_for_none(port, "SYN_RECV"))?;
    rest("SYN_SENT")?;
    client.close();
    rest("")
}
