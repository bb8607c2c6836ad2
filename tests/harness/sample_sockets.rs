//! A namespace with sockets of every kind and state, for tests of programs that list sockets.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream},
    },
    time::Duration,
};

use anyhow::Result;

use crate::{
    netns::{Namespace, ip},
    netstat::{rnetstat, text},
    proc_tcp,
    relay::Relay,
    sock::Sock,
    wait,
};

/// An IPv6 address that netstat truncates.
pub const LONG: &str = "fd00:1234:5678:9abc:def0:1111:2222:3333";

/// Parses the address.
pub fn at(addr: &str, port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(addr.parse()?, port))
}

/// A namespace with sockets of every kind and state. They are closed when the value is dropped.
pub struct SampleSockets {
    /// The namespace.
    pub netns: Namespace,
    _wire: Relay,
    _peer: Namespace,
    _sockets: Vec<Sock>,
    _udp: Vec<UdpSocket>,
    _unix: (UnixListener, Vec<UnixStream>, UnixDatagram),
}

impl SampleSockets {
    /// Creates the sockets.
    pub fn new() -> Result<Self> {
        let (netns, peer) = (Namespace::new()?, Namespace::new()?);
        let wire = Relay::between(
            (&netns, IpAddr::from([10, 99, 0, 1])),
            (&peer, IpAddr::from([10, 99, 0, 2])),
            Duration::ZERO,
        )?;
        let mut sockets = netns.run(|| {
            ip(&format!("addr add {LONG}/128 dev lo nodad"))?;
            ip("route add unreachable 10.66.0.0/16")?;
            ip("route add 10.77.0.3/32 dev lo mtu 1300 metric 7")?;
            connections()
        })?;
        // Adds a half-open connection, whose SYN-ACK is lost, and a connection attempt without an answer.
        wire.cut_forward(true);
        let half = peer.run(|| {
            let half = Sock::tcp(at("10.99.0.1", 0)?)?;
            half.start_connect(at("10.99.0.1", 8080)?)?;
            Ok(half)
        })?;
        sockets.push(half);
        netns.run(|| {
            proc_tcp::wait_for(1, 8080, "SYN_RECV")?;
            let unanswered = Sock::tcp(at("10.99.0.2", 0)?)?;
            unanswered.start_connect(at("10.99.0.2", 9)?)?;
            sockets.push(unanswered);
            Ok(())
        })?;
        let udp = netns.run(udp)?;
        let unix = netns.run(unix)?;
        Ok(Self { netns, _wire: wire, _peer: peer, _sockets: sockets, _udp: udp, _unix: unix })
    }

    /// The output of rnetstat in the namespace.
    pub fn text(&self, arguments: &[&str]) -> Result<String> {
        self.netns.run(|| text(&mut rnetstat(arguments)?))
    }
}

/// TCP listeners and connections over IPv4, IPv6 and mapped addresses: open, closing, closed, orphaned, with unread
/// data.
fn connections() -> Result<Vec<Sock>> {
    let v4 = Sock::listening(at("0.0.0.0", 8080)?, 8)?;
    let v6 = Sock::listening(at("::", 8081)?, 8)?;
    let mut kept = vec![Sock::listening(at("::1", 80)?, 8)?];
    for (to, listener) in [
        (at("127.0.0.1", 8080)?, &v4),
        (at("::1", 8081)?, &v6),
        (at("127.0.0.1", 8081)?, &v6),
        (at(LONG, 8081)?, &v6),
    ] {
        // A new IPv6 address can't be used for a moment.
        let client = wait::until(&format!("{to} can be reached"), || Ok(Sock::connected(to).ok()))?;
        kept.push(listener.accept()?);
        client.send(&[0; 100])?;
        client.option(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        kept.push(client);
    }
    let (closed, follower) = (Sock::connected(at("127.0.0.1", 8080)?)?, v4.accept()?);
    closed.close();
    follower.receive_fin()?;
    follower.close();
    let (orphan, idle) = (Sock::connected(at("127.0.0.1", 8080)?)?, v4.accept()?);
    orphan.close();
    idle.receive_fin()?;
    let unaccepted = Sock::connected(at("127.0.0.1", 8080)?)?;
    kept.extend([idle, unaccepted, v4, v6]);
    proc_tcp::wait_for(1, 8080, "CLOSE_WAIT")?;
    Ok(kept)
}

fn udp() -> Result<Vec<UdpSocket>> {
    let mut kept = Vec::new();
    for addr in ["127.0.0.1", "::1"] {
        let bound = UdpSocket::bind(at(addr, 0)?)?;
        let connected = UdpSocket::bind(at(addr, 0)?)?;
        connected.connect(bound.local_addr()?)?;
        connected.send(b"unread")?;
        kept.extend([bound, connected]);
    }
    kept.push(UdpSocket::bind(at("::", 0)?)?);
    Ok(kept)
}

fn unix() -> Result<(UnixListener, Vec<UnixStream>, UnixDatagram)> {
    let name = format!("rnetstat-{}", std::process::id());
    let listener = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&name)?)?;
    let client = UnixStream::connect_addr(&listener.local_addr()?)?;
    let (one, other) = UnixStream::pair()?;
    let server = listener.accept()?.0;
    Ok((listener, vec![client, server, one, other], UnixDatagram::unbound()?))
}
