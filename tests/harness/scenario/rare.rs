//! Rare ends of a connection: caused from outside, or by missing resources or timeouts.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use rustix::io::Errno;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, CLIENT_PASSIVE_CLOSE, CLIENT_RESET, LISTENER, Pair,
    SERVER_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario, TestNet,
};
use crate::{
    checkpoint::checkpoint,
    netns::{Namespace, ip},
    proc_tcp,
    sock::Sock,
    ss,
};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "a router has no route to the server",
        run: unreachable,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "an administrator ends the connection",
        run: killed,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the host's limit of timewait sockets is reached",
        run: no_room,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the peer of a closed connection never closes",
        run: never_closes,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "a new connection reuses the tuple of a TIME_WAIT",
        run: take_over,
        histories: &[
            LISTENER,
            SERVER_ACTIVE_CLOSE,
            CLIENT_PASSIVE_CLOSE,
            CLIENT_ACTIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
        ],
    },
];

fn unreachable(net: &TestNet) -> Result<()> {
    const NOWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
    let router = Namespace::new()?;
    net.netns.join(net.addresses.link(1), &router, net.addresses.link(2))?;
    router.sysctl("ipv4/ip_forward", "1")?;
    router.run(|| ip(&format!("route add unreachable {NOWHERE}")))?;
    ip(&format!("route add {NOWHERE} via {}", net.addresses.link(2)))?;
    let server = SocketAddr::new(NOWHERE.into(), net.addresses.port());
    Sock::tcp(server)?.connect_fails(server, Errno::HOSTUNREACH)
}

fn killed(net: &TestNet) -> Result<()> {
    let Pair { listener, client, server } = net.pair()?;
    ss::kill(client.local()?, net.addresses.server())?;
    client.receive_fails(Errno::CONNABORTED)?;
    server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")?;
    listener.close();
    Ok(())
}

fn no_room(net: &TestNet) -> Result<()> {
    net.netns.sysctl("ipv4/tcp_max_tw_buckets", "0")?;
    let Pair { listener, client, server } = net.pair()?;
    let port = client.local()?.port();
    client.close();
    server.receive_fin()?;
    // The server's kernel delays the ACK of the FIN. The client's socket is gone when the ACK arrives.
    proc_tcp::wait_for_none(port, "FIN_WAIT1")?;
    checkpoint("LISTEN CLOSE_WAIT")?;
    server.close();
    checkpoint("LISTEN")?;
    listener.close();
    Ok(())
}

fn never_closes(net: &TestNet) -> Result<()> {
    net.netns.sysctl("ipv4/tcp_fin_timeout", "1")?;
    let Pair { listener, client, server } = net.pair()?;
    let port = client.local()?.port();
    client.close();
    proc_tcp::wait_for(1, port, "FIN_WAIT2")?;
    proc_tcp::wait_for_none(port, "FIN_WAIT2")?;
    checkpoint("LISTEN CLOSE_WAIT")?;
    server.close();
    listener.close();
    checkpoint("")
}

/// The server is in TIME_WAIT when the client's port connects again.
fn take_over(net: &TestNet) -> Result<()> {
    let first = net.pair()?;
    let (address, client) = (net.addresses.server(), first.client.local()?);
    let Pair { listener, client: first_client, server } = first;
    server.close();
    first_client.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    first_client.close();
    proc_tcp::wait_for(1, address.port(), "TIME_WAIT")?;
    checkpoint("TIME_WAIT")?;
    let again = Sock::tcp(address)?;
    again.bind(client)?;
    again.connect(address)?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    again.close();
    server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    server.close();
    checkpoint("TIME_WAIT")
}
