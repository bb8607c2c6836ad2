//! Connections that end with an RST.

use anyhow::Result;
use rustix::io::Errno;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_RESET, LISTENER, Pair, SERVER_ACTIVE_CLOSE,
    SERVER_PASSIVE_CLOSE, SERVER_RESET, Scenario, TestNet,
};
use crate::checkpoint::checkpoint;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the client resets",
        run: by_client,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the server resets",
        run: by_server,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the server resets after the client's FIN",
        run: after_fin,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE"],
    },
    Scenario {
        name: "the client closes with data unread",
        run: unread_data,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "data arrives after the client's close",
        run: data_after_close,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE"],
    },
    Scenario {
        name: "the client disconnects by AF_UNSPEC",
        run: disconnect,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Scenario {
        name: "the client disconnects by AF_UNSPEC and reconnects on the same socket",
        run: reconnect,
        histories: &[LISTENER, CLIENT_RESET, SERVER_RESET, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the client disconnects after the server's FIN",
        run: disconnect_in_close_wait,
        histories: &[
            LISTENER,
            "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT CLOSE",
            SERVER_ACTIVE_CLOSE,
            CLIENT_PASSIVE_CLOSE,
            SERVER_ACTIVE_CLOSE,
        ],
    },
];

fn by_client(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.reset()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn by_server(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.server.reset()?;
    pair.client.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn after_fin(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.shutdown_write()?;
    pair.client.wait_for("FIN_WAIT2")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.reset()?;
    pair.client.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn unread_data(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.server.send(b"never read")?;
    pair.client.peek()?;
    pair.client.close();
    pair.server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn data_after_close(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.close();
    pair.server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.send(b"too late")?;
    pair.server.wait_for("CLOSE")?;
    checkpoint("LISTEN")
}

fn disconnect(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.disconnect()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")
}

fn reconnect(net: &TestNet) -> Result<()> {
    let Pair { listener, client, server } = net.pair()?;
    client.disconnect()?;
    server.receive_fails(Errno::CONNRESET)?;
    checkpoint("LISTEN")?;
    client.connect(listener.local()?)?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

/// The same socket connects twice, and the two connections end differently.
fn disconnect_in_close_wait(net: &TestNet) -> Result<()> {
    let Pair { listener, client, server } = net.pair()?;
    server.shutdown_write()?;
    server.wait_for("FIN_WAIT2")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    client.disconnect()?;
    server.wait_for("CLOSE")?;
    checkpoint("LISTEN")?;
    client.connect(listener.local()?)?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.server_closes()
}
