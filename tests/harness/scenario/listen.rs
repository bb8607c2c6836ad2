//! Listeners, and connections that wait for accept().

use std::net::SocketAddr;

use anyhow::Result;
use rustix::{io::Errno, net::sockopt::set_socket_reuseport};

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_RESET, LISTENER, Pair, SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario, TestNet,
};
use crate::{checkpoint::checkpoint, proc_tcp, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "nobody connects to the listener", run: nobody_comes, histories: &[LISTENER] },
    Scenario {
        name: "a second listen() changes only the backlog",
        run: listen_twice,
        histories: &[LISTENER],
    },
    Scenario {
        name: "a listener is shut down and listens again",
        run: relisten,
        histories: &[LISTENER, LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "a listener becomes a client",
        run: listener_connects,
        histories: &[LISTENER, LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the listener is closed with connections in its queue",
        run: closed_with_queue,
        histories: &[LISTENER, CLIENT_RESET, CLIENT_RESET, SERVER_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the client closes before accept()",
        run: closed_before_accept,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the client resets before accept()",
        run: reset_before_accept,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "two listeners share a port by SO_REUSEPORT",
        run: reuseport,
        histories: &[LISTENER, LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the listener is closed before its connection",
        run: listener_goes_first,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
];

fn nobody_comes(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    checkpoint("LISTEN")?;
    listener.close();
    checkpoint("")
}

fn listen_twice(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    checkpoint("LISTEN")?;
    listener.listen(100)?;
    checkpoint("LISTEN")?;
    listener.close();
    checkpoint("")
}

fn relisten(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    checkpoint("LISTEN")?;
    listener.shutdown_read()?;
    checkpoint("")?;
    listener.listen(8)?;
    Pair::through(listener)?.client_closes()
}

fn listener_connects(net: &TestNet) -> Result<()> {
    let turncoat = Sock::listening(SocketAddr::new(net.addresses.loopback(2), net.addresses.port()), 8)?;
    checkpoint("LISTEN")?;
    turncoat.disconnect()?;
    checkpoint("")?;
    let listener = net.listener()?;
    turncoat.connect(net.addresses.server())?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client: turncoat, server }.client_closes()
}

fn closed_with_queue(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let clients = [Sock::connected(net.addresses.server())?, Sock::connected(net.addresses.server())?];
    proc_tcp::wait_for(clients.len(), net.addresses.port(), "ESTABLISHED")?;
    checkpoint("LISTEN ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED")?;
    listener.close();
    for client in clients {
        client.receive_fails(Errno::CONNRESET)?;
    }
    checkpoint("")
}

fn closed_before_accept(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    Sock::connected(net.addresses.server())?.close();
    proc_tcp::wait_for(1, net.addresses.port(), "CLOSE_WAIT")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    listener.accept()?.receive_fin()?;
    checkpoint("TIME_WAIT")
}

fn reset_before_accept(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::connected(net.addresses.server())?;
    proc_tcp::wait_for(1, net.addresses.port(), "ESTABLISHED")?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    client.reset()?;
    listener.accept()?.wait_for("CLOSE")?;
    checkpoint("LISTEN")
}

fn reuseport(net: &TestNet) -> Result<()> {
    let listeners = [Sock::tcp(net.addresses.server())?, Sock::tcp(net.addresses.server())?];
    for listener in &listeners {
        set_socket_reuseport(listener.fd(), true)?;
        listener.bind(net.addresses.server())?;
        listener.listen(8)?;
    }
    checkpoint("LISTEN LISTEN")?;
    let client = Sock::connected(net.addresses.server())?;
    client.shutdown_write()?;
    proc_tcp::wait_for(1, net.addresses.port(), "CLOSE_WAIT")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    // One of the two has the connection.
    for listener in listeners {
        rustix::io::ioctl_fionbio(listener.fd(), true)?;
        match listener.accept() {
            Ok(server) => server.receive_fin()?,
            Err(error) if error.downcast_ref() == Some(&Errno::AGAIN) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn listener_goes_first(net: &TestNet) -> Result<()> {
    let Pair { listener, client, server } = net.pair()?;
    listener.close();
    checkpoint("ESTABLISHED ESTABLISHED")?;
    client.close();
    server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")
}
