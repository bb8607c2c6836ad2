//! Ends that a server rarely sees: from outside, or for want of room or time.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use rustix::io::Errno;

use super::{
    CLIENT_CLOSES, CLIENT_FAILS, CLIENT_FOLLOWS, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_CLOSES,
    SERVER_FOLLOWS, SERVER_RESET,
};
use crate::{
    netns::{Namespace, ip},
    proc_tcp,
    rest::rest,
    sock::Sock,
    ss,
};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "a router knows no way to the server", play: unreachable, lives: &[CLIENT_FAILS] },
    Case {
        name: "an administrator ends the connection",
        play: killed,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "there is no room for a TIME_WAIT",
        play: no_room,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the peer of a closed connection never closes",
        play: never_closes,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "a new connection takes over a TIME_WAIT",
        play: take_over,
        lives: &[LISTENER, SERVER_CLOSES, CLIENT_FOLLOWS, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
];

fn unreachable(place: &Place) -> Result<()> {
    const NOWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
    let router = Namespace::new()?;
    place.here.join(place.block.link(1), &router, place.block.link(2))?;
    router.sysctl("ipv4/ip_forward", "1")?;
    router.run(|| ip(&format!("route add unreachable {NOWHERE}")))?;
    ip(&format!("route add {NOWHERE} via {}", place.block.link(2)))?;
    let server = SocketAddr::new(NOWHERE.into(), place.block.port());
    Sock::tcp(server)?.connect_fails(server, Errno::HOSTUNREACH)
}

fn killed(place: &Place) -> Result<()> {
    let Pair { listener, client, server } = place.pair()?;
    ss::kill(client.local()?, place.block.server())?;
    client.receive_fails(Errno::CONNABORTED)?;
    server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")?;
    listener.close();
    Ok(())
}

fn no_room(place: &Place) -> Result<()> {
    place.here.sysctl("ipv4/tcp_max_tw_buckets", "0")?;
    let Pair { listener, client, server } = place.pair()?;
    let port = client.local()?.port();
    client.close();
    server.receive_fin()?;
    // The server's kernel takes its time to acknowledge the FIN. With the acknowledgement the client is gone.
    proc_tcp::wait_for_none(port, "FIN_WAIT1")?;
    rest("LISTEN CLOSE_WAIT")?;
    server.close();
    rest("LISTEN")?;
    listener.close();
    Ok(())
}

fn never_closes(place: &Place) -> Result<()> {
    place.here.sysctl("ipv4/tcp_fin_timeout", "1")?;
    let Pair { listener, client, server } = place.pair()?;
    let port = client.local()?.port();
    client.close();
    proc_tcp::wait_for(1, port, "FIN_WAIT2")?;
    proc_tcp::wait_for_none(port, "FIN_WAIT2")?;
    rest("LISTEN CLOSE_WAIT")?;
    server.close();
    listener.close();
    rest("")
}

/// The server rests in TIME_WAIT when the client's port connects again.
fn take_over(place: &Place) -> Result<()> {
    let first = place.pair()?;
    let (address, client) = (place.block.server(), first.client.local()?);
    let Pair { listener, client: first_client, server } = first;
    server.close();
    first_client.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    first_client.close();
    proc_tcp::wait_for(1, address.port(), "TIME_WAIT")?;
    rest("TIME_WAIT")?;
    let again = Sock::tcp(address)?;
    again.bind(client)?;
    again.connect(address)?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    again.close();
    server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    server.close();
    rest("TIME_WAIT")
}
