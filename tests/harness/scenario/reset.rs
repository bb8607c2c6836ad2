//! Connections that end with an RST.

use anyhow::Result;
use rustix::io::Errno;

use super::{
    CLIENT_CLOSES, CLIENT_FOLLOWS, CLIENT_RESET, Case, LISTENER, Pair, Place, SERVER_CLOSES, SERVER_FOLLOWS,
    SERVER_RESET,
};
use crate::rest::rest;

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "the client resets", play: by_client, lives: &[LISTENER, CLIENT_RESET, SERVER_RESET] },
    Case { name: "the server resets", play: by_server, lives: &[LISTENER, CLIENT_RESET, SERVER_RESET] },
    Case {
        name: "the server resets after the client's FIN",
        play: after_fin,
        lives: &[LISTENER, CLIENT_CLOSES, "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE"],
    },
    Case {
        name: "the client closes with data unread",
        play: unread_data,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "data arrives after the client's close",
        play: data_after_close,
        lives: &[LISTENER, CLIENT_CLOSES, "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE"],
    },
    Case {
        name: "the client disconnects by AF_UNSPEC",
        play: disconnect,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET],
    },
    Case {
        name: "the client disconnects by AF_UNSPEC and reconnects on the same socket",
        play: reconnect,
        lives: &[LISTENER, CLIENT_RESET, SERVER_RESET, CLIENT_CLOSES, SERVER_FOLLOWS],
    },
    Case {
        name: "the client disconnects after the server's FIN",
        play: disconnect_in_close_wait,
        lives: &[
            LISTENER,
            "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT CLOSE",
            SERVER_CLOSES,
            CLIENT_FOLLOWS,
            SERVER_CLOSES,
        ],
    },
];

fn by_client(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.reset()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn by_server(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.server.reset()?;
    pair.client.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn after_fin(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.shutdown_write()?;
    pair.client.wait_for("FIN_WAIT2")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.reset()?;
    pair.client.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn unread_data(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.server.send(b"never read")?;
    pair.client.peek()?;
    pair.client.close();
    pair.server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn data_after_close(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.close();
    pair.server.receive_fin()?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    pair.server.send(b"too late")?;
    pair.server.wait_for("CLOSE")?;
    rest("LISTEN")
}

fn disconnect(place: &Place) -> Result<()> {
    let pair = place.pair()?;
    pair.client.disconnect()?;
    pair.server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")
}

fn reconnect(place: &Place) -> Result<()> {
    let Pair { listener, client, server } = place.pair()?;
    client.disconnect()?;
    server.receive_fails(Errno::CONNRESET)?;
    rest("LISTEN")?;
    client.connect(listener.local()?)?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

/// The same socket's second connection, and both end differently.
fn disconnect_in_close_wait(place: &Place) -> Result<()> {
    let Pair { listener, client, server } = place.pair()?;
    server.shutdown_write()?;
    server.wait_for("FIN_WAIT2")?;
    rest("FIN_WAIT2 CLOSE_WAIT")?;
    client.disconnect()?;
    server.wait_for("CLOSE")?;
    rest("LISTEN")?;
    client.connect(listener.local()?)?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.server_closes()
}
