//! Connections that change hands between processes and threads, or lose their process.

use std::thread;

use anyhow::{Result, anyhow};
use rustix::io::Errno;

use super::{
    CLIENT_CLOSES, CLIENT_FOLLOWS, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_CLOSES, SERVER_FOLLOWS,
    SERVER_RESET,
};
use crate::{child, rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "a forked child accepts and closes",
        play: child_accepts,
        lives: &[LISTENER, CLIENT_FOLLOWS, SERVER_CLOSES],
    },
    Case {
        name: "a process exits without closing its connection",
        play: exits_without_close,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "a process exits with data unread",
        play: exits_with_unread_data,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "a socket lives on in the child that inherited it",
        play: inherited,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case { name: "four threads connect at the same time", play: threads, lives: &FOUR_CONNECTIONS },
];

const FOUR_CONNECTIONS: [&str; 9] = [
    LISTENER,
    CLIENT_CLOSES,
    CLIENT_CLOSES,
    CLIENT_CLOSES,
    CLIENT_CLOSES,
    SERVER_FOLLOWS,
    SERVER_FOLLOWS,
    SERVER_FOLLOWS,
    SERVER_FOLLOWS,
];

fn child_accepts(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::connected(place.block.server())?;
    rest("ESTABLISHED ESTABLISHED")?;
    child::run(|| listener.accept().is_ok())?;
    client.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")
}

fn exits_without_close(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    // The child makes the socket: a copy in this process would keep the connection open.
    child::run(|| Sock::connected(place.block.server()).map(std::mem::forget).is_ok())?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    listener.accept()?.receive_fin()?;
    rest("TIME_WAIT")
}

fn exits_with_unread_data(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    rest("LISTEN")?;
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let server = listener.accept()?;
            server.send(b"never read")?;
            server.receive_fails(Errno::CONNRESET)
        });
        child::run(|| {
            let client = Sock::connected(place.block.server()).and_then(|client| {
                client.peek()?;
                Ok(client)
            });
            client.map(std::mem::forget).is_ok()
        })?;
        server.join().map_err(|_| anyhow!("the server panicked"))?
    })?;
    rest("LISTEN")
}

fn inherited(place: &Place) -> Result<()> {
    let Pair { listener, client, server } = place.pair()?;
    child::run(|| client.send(b"from the child").is_ok())?;
    server.receive(14)?;
    client.close();
    server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    listener.close();
    Ok(())
}

fn threads(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(|| Sock::connected(place.block.server()))).collect();
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??.close();
        }
        Ok::<_, anyhow::Error>(())
    })?;
    rest("FIN_WAIT2 FIN_WAIT2 FIN_WAIT2 FIN_WAIT2 CLOSE_WAIT CLOSE_WAIT CLOSE_WAIT CLOSE_WAIT")?;
    for _ in 0..4 {
        listener.accept()?.receive_fin()?;
    }
    Ok(())
}
