//! IPv6, and IPv4 over IPv6 sockets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{Result, bail};
use rustix::{io::Errno, net::sockopt::set_ipv6_v6only};

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, CLIENT_PASSIVE_CLOSE, CLIENT_RESET, LISTENER, Pair,
    SERVER_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario, TestNet,
};
use crate::{checkpoint::checkpoint, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the client closes first over IPv6",
        run: client_first,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the server closes first over IPv6",
        run: server_first,
        histories: &[LISTENER, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
    },
    Scenario {
        name: "the client resets over IPv6",
        run: reset,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario { name: "nobody listens on IPv6", run: refused, histories: &[CLIENT_CONNECT_FAILS] },
    Scenario {
        name: "an IPv6 socket connects to itself",
        run: self_connection,
        histories: &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE"],
    },
    Scenario {
        name: "an IPv4 client connects to an IPv6 listener",
        run: v4_to_any,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "an IPv6 socket connects to a mapped IPv4 address",
        run: mapped_client,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "an IPv4 client is refused by a listener for IPv6 only",
        run: v6_only,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS],
    },
];

fn client_first(net: &TestNet) -> Result<()> {
    net.pair_v6()?.client_closes()
}

fn server_first(net: &TestNet) -> Result<()> {
    net.pair_v6()?.server_closes()
}

fn reset(net: &TestNet) -> Result<()> {
    let pair = net.pair_v6()?;
    pair.client.reset()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn refused(net: &TestNet) -> Result<()> {
    Sock::tcp(net.addresses.server_v6())?.connect_fails(net.addresses.server_v6(), Errno::CONNREFUSED)
}

fn self_connection(net: &TestNet) -> Result<()> {
    let sock = Sock::tcp(net.addresses.server_v6())?;
    sock.bind(net.addresses.server_v6())?;
    sock.connect(net.addresses.server_v6())?;
    checkpoint("ESTABLISHED")?;
    sock.close();
    checkpoint("TIME_WAIT")
}

fn any(net: &TestNet) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), net.addresses.port())
}

fn mapped(addr: SocketAddr) -> Result<SocketAddr> {
    match addr.ip() {
        IpAddr::V4(v4) => Ok(SocketAddr::new(v4.to_ipv6_mapped().into(), addr.port())),
        IpAddr::V6(v6) => bail!("{v6} isn't IPv4"),
    }
}

fn v4_to_any(net: &TestNet) -> Result<()> {
    let listener = Sock::listening(any(net), 8)?;
    let client = Sock::connected(net.addresses.server())?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn mapped_client(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::connected(mapped(net.addresses.server())?)?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn v6_only(net: &TestNet) -> Result<()> {
    let listener = Sock::tcp(any(net))?;
    set_ipv6_v6only(listener.fd(), true)?;
    listener.bind(any(net))?;
    listener.listen(8)?;
    checkpoint("LISTEN")?;
    Sock::tcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::CONNREFUSED)
}
