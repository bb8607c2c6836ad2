//! Handshakes that never complete. The tracepoint shows only the listener and the client.

use anyhow::Result;

use super::{CLIENT_CONNECT_FAILS, LISTENER, Scenario, TestNet};
use crate::{checkpoint::checkpoint, proc_tcp, sock::Sock, wire::Wire};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "nobody answers the SYN-ACK and the server gives up",
        run: server_gives_up,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the client has closed when the SYN-ACK arrives",
        run: client_is_gone,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the listener is closed while a connection is half-open",
        run: listener_goes,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
];

/// A connection whose SYN has arrived and whose SYN-ACK is lost.
struct HalfOpen {
    wire: Wire,
    listener: Sock,
    client: Sock,
    port: u16,
}

impl HalfOpen {
    fn new(net: &TestNet) -> Result<Self> {
        let wire = Wire::new(net)?;
        let listener = wire.listen()?;
        wire.relay.cut_backward(true);
        let client = Sock::tcp(wire.address)?;
        client.start_connect(wire.address)?;
        let half_open = Self { wire, listener, client, port: net.addresses.port() };
        half_open.wire.far.run(|| proc_tcp::wait_for(1, half_open.port, "SYN_RECV"))?;
        checkpoint("LISTEN SYN_SENT SYN_RECV")?;
        // No retransmitted SYN may arrive after the end of the first connection attempt.
        half_open.wire.relay.cut_forward(true);
        // The server sends the SYN-ACK at once, and again after a second.
        half_open.wire.far.sysctl("ipv4/tcp_synack_retries", "1")?;
        Ok(half_open)
    }
}

fn server_gives_up(net: &TestNet) -> Result<()> {
    let half_open = HalfOpen::new(net)?;
    half_open.wire.far.run(|| proc_tcp::wait_for_none(half_open.port, "SYN_RECV"))?;
    checkpoint("LISTEN SYN_SENT")?;
    half_open.client.close();
    checkpoint("LISTEN")
}

fn client_is_gone(net: &TestNet) -> Result<()> {
    let HalfOpen { wire, listener, client, port } = HalfOpen::new(net)?;
    client.close();
    wire.relay.cut_forward(false);
    wire.relay.cut_backward(false);
    // The client's host answers the retransmitted SYN-ACK with an RST.
    wire.far.run(|| proc_tcp::wait_for_none(port, "SYN_RECV"))?;
    checkpoint("LISTEN")?;
    listener.close();
    checkpoint("")
}

fn listener_goes(net: &TestNet) -> Result<()> {
    let half_open = HalfOpen::new(net)?;
    half_open.wire.cut();
    let HalfOpen { wire, listener, client, port } = half_open;
    listener.close();
    wire.far.run(|| proc_tcp::wait_for_none(port, "SYN_RECV"))?;
    checkpoint("SYN_SENT")?;
    client.close();
    checkpoint("")
}
