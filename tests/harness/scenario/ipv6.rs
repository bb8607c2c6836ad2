//! IPv6, and IPv4 through IPv6 sockets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{Result, bail};
use rustix::{io::Errno, net::sockopt::set_ipv6_v6only};

use super::{
    CLIENT_CLOSES, CLIENT_FAILS, CLIENT_FOLLOWS, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_CLOSES,
    SERVER_FOLLOWS, SERVER_RESET,
};
use crate::{rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "the client closes first over IPv6",
        play: client_first,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the server closes first over IPv6",
        play: server_first,
        lives: &[LISTENER, CLIENT_FOLLOWS, SERVER_CLOSES],
    },
    Case { name: "the client resets over IPv6", play: reset, lives: &[LISTENER, CLIENT_RESET, SERVER_RESET] },
    Case { name: "nobody listens on IPv6", play: refused, lives: &[CLIENT_FAILS] },
    Case {
        name: "an IPv6 socket connects to itself",
        play: self_connection,
        lives: &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE"],
    },
    Case {
        name: "an IPv4 client connects to an IPv6 listener",
        play: v4_to_any,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "an IPv6 socket connects to a mapped IPv4 address",
        play: mapped_client,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "an IPv4 client is refused by a listener for IPv6 only",
        play: v6_only,
        lives: &[LISTENER, CLIENT_FAILS],
    },
];

fn client_first(place: &Place) -> Result<()> {
    place.pair_v6()?.client_closes()
}

fn server_first(place: &Place) -> Result<()> {
    place.pair_v6()?.server_closes()
}

fn reset(place: &Place) -> Result<()> {
    let pair = place.pair_v6()?;
    pair.client.reset()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn refused(place: &Place) -> Result<()> {
    Sock::tcp(place.block.server_v6())?.connect_fails(place.block.server_v6(), Errno::CONNREFUSED)
}

fn self_connection(place: &Place) -> Result<()> {
    let sock = Sock::tcp(place.block.server_v6())?;
    sock.bind(place.block.server_v6())?;
    sock.connect(place.block.server_v6())?;
    rest("ESTABLISHED")?;
    sock.close();
    rest("TIME_WAIT")
}

fn any(place: &Place) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), place.block.port())
}

fn mapped(addr: SocketAddr) -> Result<SocketAddr> {
    match addr.ip() {
        IpAddr::V4(v4) => Ok(SocketAddr::new(v4.to_ipv6_mapped().into(), addr.port())),
        IpAddr::V6(v6) => bail!("{v6} isn't IPv4"),
    }
}

fn v4_to_any(place: &Place) -> Result<()> {
    let listener = Sock::listening(any(place), 8)?;
    let client = Sock::connected(place.block.server())?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn mapped_client(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::connected(mapped(place.block.server())?)?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn v6_only(place: &Place) -> Result<()> {
    let listener = Sock::tcp(any(place))?;
    set_ipv6_v6only(listener.fd(), true)?;
    listener.bind(any(place))?;
    listener.listen(8)?;
    rest("LISTEN")?;
    Sock::tcp(place.block.server())?.connect_fails(place.block.server(), Errno::CONNREFUSED)
}
