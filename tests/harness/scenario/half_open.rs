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

/// A connection whose SYN has arrived and whose SYN-ACK is lost. No packet passes any more.
pub(super) struct HalfOpen {
    pub(super) wire: Wire,
    pub(super) listener: Sock,
    pub(super) client: Sock,
}

impl HalfOpen {
    pub(super) fn new(net: &TestNet) -> Result<Self> {
        let wire = Wire::new(net)?;
        let listener = wire.listen()?;
        wire.relay.cut_backward(true);
        let client = Sock::tcp(wire.address)?;
        client.start_connect(wire.address)?;
        wire.far.run(|| proc_tcp::wait_for(1, wire.address.port(), "SYN_RECV"))?;
        // No retransmitted SYN may arrive after the end of the first connection attempt.
        wire.relay.cut_forward(true);
        Ok(Self { wire, listener, client })
    }
}

/// Waits for the end of the half-open connection.
pub(super) fn wait_for_end(wire: &Wire) -> Result<()> {
    wire.far.run(|| proc_tcp::wait_for_none(wire.address.port(), "SYN_RECV"))
}

/// A half-open connection at a checkpoint. The server sends the SYN-ACK at once, and again after a second.
fn observed(net: &TestNet) -> Result<HalfOpen> {
    let half_open = HalfOpen::new(net)?;
    checkpoint("LISTEN SYN_SENT SYN_RECV")?;
    half_open.wire.far.sysctl("ipv4/tcp_synack_retries", "1")?;
    Ok(half_open)
}

fn server_gives_up(net: &TestNet) -> Result<()> {
    let half_open = observed(net)?;
    wait_for_end(&half_open.wire)?;
    checkpoint("LISTEN SYN_SENT")?;
    half_open.client.close();
    checkpoint("LISTEN")
}

fn client_is_gone(net: &TestNet) -> Result<()> {
    let HalfOpen { wire, listener, client } = observed(net)?;
    client.close();
    wire.relay.cut_forward(false);
    wire.relay.cut_backward(false);
    // The client's host answers the retransmitted SYN-ACK with an RST.
    wait_for_end(&wire)?;
    checkpoint("LISTEN")?;
    listener.close();
    checkpoint("")
}

fn listener_goes(net: &TestNet) -> Result<()> {
    let HalfOpen { wire, listener, client } = observed(net)?;
    wire.cut();
    listener.close();
    wait_for_end(&wire)?;
    checkpoint("SYN_SENT")?;
    client.close();
    checkpoint("")
}
