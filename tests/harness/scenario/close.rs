//! Connections that end with FINs.

use anyhow::Result;

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, LISTENER, SERVER_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE, Scenario,
    TestNet,
};
use crate::{checkpoint::checkpoint, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "the client closes first",
        run: client_first,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the server closes first",
        run: server_first,
        histories: &[LISTENER, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
    },
    Scenario {
        name: "the client half closes and reads on",
        run: client_half_closes,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "the server half closes and reads on",
        run: server_half_closes,
        histories: &[LISTENER, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
    },
    Scenario {
        name: "both ends shut down their writing and close later",
        run: both_shut_down,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "shutting down the reading alone changes no state",
        run: shut_down_reading,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "a connection with itself closes from both ends at once",
        run: self_connection,
        histories: &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE"],
    },
];

fn client_first(net: &TestNet) -> Result<()> {
    net.pair()?.client_closes()
}

fn server_first(net: &TestNet) -> Result<()> {
    net.pair()?.server_closes()
}

fn client_half_closes(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    pair.server.send(b"the answer")?;
    pair.client.receive(10)?;
    pair.client.wait_for("FIN_WAIT2")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.close();
    pair.client.receive_fin()?;
    checkpoint("TIME_WAIT")
}

fn server_half_closes(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    pair.client.send(b"the rest")?;
    pair.server.receive(8)?;
    pair.server.wait_for("FIN_WAIT2")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.client.close();
    pair.server.receive_fin()?;
    checkpoint("TIME_WAIT")
}

fn both_shut_down(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    checkpoint("TIME_WAIT")
}

fn shut_down_reading(net: &TestNet) -> Result<()> {
    let pair = net.pair()?;
    pair.client.shutdown_read()?;
    pair.server.shutdown_read()?;
    // The FIN can't be received any more, but the state shows it.
    pair.client.close();
    pair.server.wait_for("CLOSE_WAIT")?;
    checkpoint("FIN_WAIT2 CLOSE_WAIT")
}

/// A simultaneous open and close, possible on loopback only when a socket connects to itself.
fn self_connection(net: &TestNet) -> Result<()> {
    let sock = Sock::tcp(net.addresses.server())?;
    sock.bind(net.addresses.server())?;
    sock.connect(net.addresses.server())?;
    checkpoint("ESTABLISHED")?;
    sock.close();
    checkpoint("TIME_WAIT")
}
