//! What ends a half-open connection before its time. The tracepoint shows only the listener and the client.

use std::net::SocketAddr;

use anyhow::Result;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, LISTENER, SERVER_PASSIVE_CLOSE, Scenario, TestNet,
    half_open::{HalfOpen, wait_for_end},
};
use crate::{
    packet, proc_tcp,
    segment::{Segment, flag},
    sock::Sock,
    ss, wait,
    wire::Wire,
};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "an RST arrives for a half-open connection",
        run: reset,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "a second SYN arrives for a half-open connection",
        run: second_syn,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "an ICMP error arrives for a half-open connection",
        run: icmp_error,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "an administrator ends a half-open connection",
        run: killed,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the last packet of the handshake arrives after the listener has closed",
        run: listener_has_closed,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "the accept queue overflows and the server resets",
        run: overflow,
        histories: &[
            LISTENER,
            CLIENT_ACTIVE_CLOSE,
            CLIENT_ACTIVE_CLOSE,
            CLIENT_ACTIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
        ],
    },
];

/// A half-open connection, with what the segments of its client need.
struct Request {
    half_open: HalfOpen,
    /// The client's endpoint.
    from: SocketAddr,
    /// The sequence number of its SYN.
    syn: u32,
    /// That of the SYN-ACK, and its bytes.
    syn_ack: (u32, Vec<u8>),
}

impl Request {
    fn new(net: &TestNet) -> Result<Self> {
        let half_open = HalfOpen::new(net)?;
        let sent = |packet: Vec<u8>| Segment::parse(&packet, 0).map(|segment| (segment, packet));
        let (segment, packet) = wait::until("the SYN-ACK is sent", || {
            let last = sent(half_open.wire.relay.last_sent_backward()?);
            Ok(last.filter(|(segment, _)| segment.has(flag::SYN)))
        })?;
        let (from, syn) = (segment.to, segment.ack.wrapping_sub(1));
        Ok(Self { half_open, from, syn, syn_ack: (segment.seq, packet) })
    }

    fn wire(&self) -> &Wire {
        &self.half_open.wire
    }

    /// Lets a segment of the client arrive, with the sequence number that follows its SYN by `after`.
    fn inject(&self, after: u32, ack: u32, flags: u8) -> Result<()> {
        let seq = self.syn.wrapping_add(after);
        let segment = packet::segment(self.from, self.wire().address, seq, ack, flags)?;
        self.wire().relay.inject_forward(&segment)
    }

    /// Waits for the end of the half-open connection, and closes the sockets.
    fn end(self) -> Result<()> {
        wait_for_end(self.wire())?;
        self.half_open.client.close();
        self.half_open.listener.close();
        Ok(())
    }
}

fn reset(net: &TestNet) -> Result<()> {
    let request = Request::new(net)?;
    request.inject(1, 0, flag::RST)?;
    request.end()
}

fn second_syn(net: &TestNet) -> Result<()> {
    let request = Request::new(net)?;
    request.inject(100, 0, flag::SYN)?;
    request.end()
}

fn icmp_error(net: &TestNet) -> Result<()> {
    let request = Request::new(net)?;
    let error = packet::icmp_error(request.from.ip(), 3, 1, &request.syn_ack.1)?;
    request.wire().relay.inject_forward(&error)?;
    request.end()
}

fn killed(net: &TestNet) -> Result<()> {
    let request = Request::new(net)?;
    request.wire().far.run(|| ss::kill(request.wire().address, request.from))?;
    request.end()
}

fn listener_has_closed(net: &TestNet) -> Result<()> {
    let Request { half_open, from, syn, syn_ack } = Request::new(net)?;
    let HalfOpen { wire, listener, client } = half_open;
    listener.close();
    let ack = packet::segment(from, wire.address, syn.wrapping_add(1), syn_ack.0.wrapping_add(1), flag::ACK)?;
    wire.relay.inject_forward(&ack)?;
    wait_for_end(&wire)?;
    client.close();
    Ok(())
}

/// The forged client's handshake begins while there is room in the accept queue, and ends when there is none.
fn overflow(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.far.sysctl("ipv4/tcp_abort_on_overflow", "1")?;
    // With SYN cookies the kernel might keep no half-open connection.
    wire.far.sysctl("ipv4/tcp_syncookies", "0")?;
    let listener = wire.far.run(|| Sock::listening(wire.address, BACKLOG))?;
    let forged = SocketAddr::new(net.addresses.link(77), FORGED_PORT);
    wire.relay.inject_forward(&packet::segment(forged, wire.address, 1_000, 0, flag::SYN)?)?;
    let syn_ack = wait::until("the SYN-ACK is sent", || {
        let sent = Segment::parse(&wire.relay.last_sent_backward()?, 0);
        Ok(sent.filter(|segment| segment.to == forged))
    })?;
    // The kernel takes one more than the backlog.
    let clients: Vec<Sock> = (0..=BACKLOG).map(|_| Sock::connected(wire.address)).collect::<Result<_>>()?;
    wire.far.run(|| proc_tcp::wait_for(clients.len(), wire.address.port(), "ESTABLISHED"))?;
    let ack = packet::segment(forged, wire.address, 1_001, syn_ack.seq.wrapping_add(1), flag::ACK)?;
    wire.relay.inject_forward(&ack)?;
    wait_for_end(&wire)?;
    for client in clients {
        let server = listener.accept()?;
        client.shutdown_write()?;
        server.receive_fin()?;
        server.shutdown_write()?;
        client.receive_fin()?;
        server.wait_for("CLOSE")?;
    }
    Ok(())
}

/// The smallest with which a half-open connection leaves room for another one on every kernel.
const BACKLOG: i32 = 2;
/// The port of the forged client.
const FORGED_PORT: u16 = 4_321;
