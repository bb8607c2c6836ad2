//! Connections that end with FINs.

use anyhow::Result;

use super::{CLIENT_CLOSES, CLIENT_FOLLOWS, Case, LISTENER, Place, SERVER_CLOSES, SERVER_FOLLOWS};
use crate::{rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "the client closes first",
        play: client_first,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the server closes first",
        play: server_first,
        lives: &[LISTENER, CLIENT_FOLLOWS, SERVER_CLOSES],
    },
    Case {
        name: "the client half closes and reads on",
        play: client_half_closes,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the server half closes and reads on",
        play: server_half_closes,
        lives: &[LISTENER, CLIENT_FOLLOWS, SERVER_CLOSES],
    },
    Case {
        name: "both ends shut down their writing and close later",
        play: both_shut_down,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "shutting down the reading alone changes no state",
        play: shut_down_reading,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "a connection with itself closes from both ends at once",
        play: self_connection,
        lives: &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING CLOSE"],
    },
];

fn client_first(place: &Place) -> Result<()> {
    place.pair()?.client_closes()
}

fn server_first(place: &Place) -> Result<()> {
    place.pair()?.server_closes()
}

fn client_half_closes(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    pair.server.send(b"the answer")?;
    pair.client.receive(10)?;
    pair.client.wait_for("FIN_WAIT2")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.close();
    pair.client.receive_fin()?;
    rest("TIME_WAIT")
}

fn server_half_closes(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    pair.client.send(b"the rest")?;
    pair.server.receive(8)?;
    pair.server.wait_for("FIN_WAIT2")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.client.close();
    pair.server.receive_fin()?;
    rest("TIME_WAIT")
}

fn both_shut_down(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.shutdown_write()?;
    pair.server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.shutdown_write()?;
    pair.client.receive_fin()?;
    rest("TIME_WAIT")
}

fn shut_down_reading(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.shutdown_read()?;
    pair.server.shutdown_read()?;
    // A FIN can't be received any more; the state tells.
    pair.client.close();
    pair.server.wait_for("CLOSE_WAIT")?;
    rest("FIN_WAIT2 CLOSE_WAIT")
}

/// Opens and closes simultaneously, the only way that loopback has: the socket's peer is the socket.
fn self_connection(place: &Place) -> Result<()> {
    let sock = Sock::tcp(place.block.server())?;
    sock.bind(place.block.server())?;
    sock.connect(place.block.server())?;
    rest("ESTABLISHED")?;
    sock.close();
    rest("TIME_WAIT")
}
