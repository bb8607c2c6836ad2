//! Connections that end with an RST of an end that has sent its FIN, or wants to.

use anyhow::Result;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, LISTENER, Pair, SERVER_ACTIVE_CLOSE, Scenario, TestNet,
};
use crate::{packet, sock::Sock, wait, wire::Wire};

/// A server whose client resets the connection after its FIN.
const SERVER_RESET_AFTER_FIN: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE";

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the client shuts down its writing and closes with data unread",
        run: unread_after_shutdown,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_RESET_AFTER_FIN],
    },
    Scenario {
        name: "the client shuts down its writing and closes, and TCP_LINGER2 forbids FIN_WAIT2",
        run: linger2_after_shutdown,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_RESET_AFTER_FIN],
    },
    Scenario {
        name: "the client closes, and TCP_LINGER2 forbids FIN_WAIT2",
        run: linger2_at_close,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_RESET_AFTER_FIN],
    },
    Scenario {
        name: "the client closes while the peer's window is shut, and data arrives",
        run: data_while_fin_waits,
        histories: &[
            LISTENER,
            "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE",
            "LISTEN SYN_RECV ESTABLISHED CLOSE",
        ],
    },
    Scenario {
        name: "the server disconnects before its FIN is acknowledged",
        run: disconnect_in_last_ack,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE"],
    },
    Scenario {
        name: "an old ICMP error is not read before the FINs",
        run: old_error,
        histories: &[LISTENER, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
    },
];

fn unread_after_shutdown(net: &TestNet) -> Result<()> {
    let Pair { listener: _listener, client, server } = net.pair()?;
    client.shutdown_write()?;
    server.receive_fin()?;
    client.wait_for("FIN_WAIT2")?;
    server.send(b"never read")?;
    client.peek()?;
    client.close();
    server.wait_for("CLOSE")
}

fn linger2_after_shutdown(net: &TestNet) -> Result<()> {
    let Pair { listener: _listener, client, server } = net.pair()?;
    client.option(libc::IPPROTO_TCP, libc::TCP_LINGER2, -1)?;
    client.shutdown_write()?;
    server.receive_fin()?;
    client.wait_for("FIN_WAIT2")?;
    client.close();
    server.wait_for("CLOSE")
}

fn linger2_at_close(net: &TestNet) -> Result<()> {
    let Pair { listener: _listener, client, server } = net.pair()?;
    client.option(libc::IPPROTO_TCP, libc::TCP_LINGER2, -1)?;
    client.close();
    server.wait_for("CLOSE")
}

fn data_while_fin_waits(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    // Small buffers, so that the window is shut soon.
    listener.option(libc::SOL_SOCKET, libc::SO_RCVBUF, 4096)?;
    let client = Sock::tcp(net.addresses.server())?;
    client.option(libc::SOL_SOCKET, libc::SO_SNDBUF, 65536)?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    rustix::io::ioctl_fionbio(client.fd(), true)?;
    // The window is shut when nothing of what was sent is acknowledged any more.
    let mut unacknowledged = -1;
    wait::until("the peer's window is shut", || {
        while client.send(&[0; 512]).is_ok() {}
        let before = std::mem::replace(&mut unacknowledged, client.unacknowledged()?);
        Ok((before == unacknowledged && unacknowledged > 0).then_some(()))
    })?;
    client.close();
    server.send(b"too late")?;
    server.wait_for("CLOSE")
}

fn disconnect_in_last_ack(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let Pair { listener: _listener, client, server } = wire.pair()?;
    client.shutdown_write()?;
    server.receive_fin()?;
    client.wait_for("FIN_WAIT2")?;
    wire.relay.cut_backward(true);
    server.shutdown_write()?;
    server.wait_for("LAST_ACK")?;
    // All is sent, so no RST follows.
    server.disconnect()?;
    client.close();
    Ok(())
}

/// With IP_RECVERR an ICMP error is the socket's pending error until somebody reads it (`tcp_v4_err`).
fn old_error(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    let Pair { listener: _listener, client, server } = wire.pair()?;
    client.option(libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    client.send(b"about this")?;
    server.receive(10)?;
    let about = wire.relay.last_sent_forward()?;
    wire.relay.cut_backward(true);
    let error = packet::icmp_error(wire.address.ip(), 3, 1, &about)?;
    wire.relay.inject_backward(&error)?;
    wire.relay.cut_backward(false);
    server.shutdown_write()?;
    client.wait_for("CLOSE_WAIT")?;
    client.shutdown_write()?;
    server.receive_fin()?;
    client.wait_for("CLOSE")
}
