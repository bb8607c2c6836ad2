//! What can happen to listeners and to what waits in them.

use std::net::SocketAddr;

use anyhow::Result;
use rustix::{io::Errno, net::sockopt::set_socket_reuseport};

use super::{CLIENT_CLOSES, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_FOLLOWS, SERVER_RESET};
use crate::{proc_tcp, rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "nobody comes", play: nobody_comes, lives: &[LISTENER] },
    Case { name: "a second listen() changes only the backlog", play: listen_twice, lives: &[LISTENER] },
    Case {
        name: "a listener is shut down and listens again",
        play: relisten,
        lives: &[LISTENER, LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "a listener becomes a client",
        play: listener_connects,
        lives: &[LISTENER, LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the listener is closed with connections in its queue",
        play: closed_with_queue,
        lives: &[LISTENER, CLIENT_RESET, CLIENT_RESET, SERVER_RESET, SERVER_RESET],
    },
    Case {
        name: "the client closes before accept()",
        play: closed_before_accept,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the client resets before accept()",
        play: reset_before_accept,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "two listeners share a port by SO_REUSEPORT",
        play: reuseport,
        lives: &[LISTENER, LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the listener goes before its connection",
        play: listener_goes_first,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
];

fn nobody_comes(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    rest("LISTEN")?;
    listener.close();
    rest("")
}

fn listen_twice(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    rest("LISTEN")?;
    listener.listen(100)?;
    rest("LISTEN")?;
    listener.close();
    rest("")
}

fn relisten(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    rest("LISTEN")?;
    listener.shutdown_read()?;
    rest("")?;
    listener.listen(8)?;
    Pair::through(listener)?.client_closes()
}

fn listener_connects(place: &Place) -> Result<()> {
    let turncoat = Sock::listening(SocketAddr::new(place.block.loopback(2), place.block.port()), 8)?;
    rest("LISTEN")?;
    turncoat.disconnect()?;
    rest("")?;
    let listener = place.listener()?;
    turncoat.connect(place.block.server())?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client: turncoat, server }.client_closes()
}

fn closed_with_queue(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let clients = [Sock::connected(place.block.server())?, Sock::connected(place.block.server())?];
    proc_tcp::wait_for(clients.len(), place.block.port(), "ESTABLISHED")?;
    rest("LISTEN ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED")?;
    listener.close();
    for client in clients {
        client.receive_fails(Errno::CONNRESET)?;
    }
    rest("")
}

fn closed_before_accept(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    Sock::connected(place.block.server())?.close();
    proc_tcp::wait_for(1, place.block.port(), "CLOSE_WAIT")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    listener.accept()?.receive_fin()?;
    rest("TIME_WAIT")
}

fn reset_before_accept(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::connected(place.block.server())?;
    proc_tcp::wait_for(1, place.block.port(), "ESTABLISHED")?;
    rest("ESTABLISHED ESTABLISHED")?;
    client.reset()?;
    listener.accept()?.wait_for("CLOSE")?;
    rest("LISTEN")
}

fn reuseport(place: &Place) -> Result<()> {
    let listeners = [Sock::tcp(place.block.server())?, Sock::tcp(place.block.server())?];
    for listener in &listeners {
        set_socket_reuseport(listener.fd(), true)?;
        listener.bind(place.block.server())?;
        listener.listen(8)?;
    }
    rest("LISTEN LISTEN")?;
    let client = Sock::connected(place.block.server())?;
    client.shutdown_write()?;
    proc_tcp::wait_for(1, place.block.port(), "CLOSE_WAIT")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    // Either of the two got it.
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

fn listener_goes_first(place: &Place) -> Result<()> {
    let Pair { listener, client, server } = place.pair()?;
    listener.close();
    rest("ESTABLISHED ESTABLISHED")?;
    client.close();
    server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")
}
