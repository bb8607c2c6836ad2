//! Connections that move between processes and threads, or whose process exits.

use std::thread;

use anyhow::{Result, anyhow};
use rustix::io::Errno;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_RESET, LISTENER, Pair, SERVER_ACTIVE_CLOSE,
    SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario, TestNet,
};
use crate::{checkpoint::checkpoint, child, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "a forked child accepts and closes",
        run: child_accepts,
        histories: &[LISTENER, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
    },
    Scenario {
        name: "a process exits without closing its connection",
        run: exits_without_close,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "a process exits with data unread",
        run: exits_with_unread_data,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "a socket lives on in the child that inherited it",
        run: inherited,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario { name: "four threads connect at the same time", run: threads, histories: &FOUR_CONNECTIONS },
];

const FOUR_CONNECTIONS: [&str; 9] = [
    LISTENER,
    CLIENT_ACTIVE_CLOSE,
    CLIENT_ACTIVE_CLOSE,
    CLIENT_ACTIVE_CLOSE,
    CLIENT_ACTIVE_CLOSE,
    SERVER_PASSIVE_CLOSE,
    SERVER_PASSIVE_CLOSE,
    SERVER_PASSIVE_CLOSE,
    SERVER_PASSIVE_CLOSE,
];

fn child_accepts(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::connected(net.addresses.server())?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    child::run(|| listener.accept().is_ok())?;
    client.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")
}

fn exits_without_close(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    // The child creates the socket: a copy in this process would keep the connection open.
    child::run(|| Sock::connected(net.addresses.server()).map(std::mem::forget).is_ok())?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    listener.accept()?.receive_fin()?;
    checkpoint("TIME_WAIT")
}

fn exits_with_unread_data(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    checkpoint("LISTEN")?;
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let server = listener.accept()?;
            server.send(b"never read")?;
            server.receive_fails(Errno::CONNRESET)
        });
        child::run(|| {
            let client = Sock::connected(net.addresses.server()).and_then(|client| {
                client.peek()?;
                Ok(client)
            });
            client.map(std::mem::forget).is_ok()
        })?;
        server.join().map_err(|_| anyhow!("the server panicked"))?
    })?;
    checkpoint("LISTEN")
}

fn inherited(net: &TestNet) -> Result<()> {
    let Pair { listener, client, server } = net.pair()?;
    child::run(|| client.send(b"from the child").is_ok())?;
    server.receive(14)?;
    client.close();
    server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    listener.close();
    Ok(())
}

fn threads(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Sock::connected(net.addresses.server()))).collect();
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??.close();
        }
        Ok::<_, anyhow::Error>(())
    })?;
    checkpoint("FIN_WAIT2 FIN_WAIT2 FIN_WAIT2 FIN_WAIT2 CLOSE_WAIT CLOSE_WAIT CLOSE_WAIT CLOSE_WAIT")?;
    for _ in 0..4 {
        listener.accept()?.receive_fin()?;
    }
    Ok(())
}
