//! MPTCP: a connection above its subflows, each with transitions of its own.

use anyhow::Result;

use super::{CLIENT_CLOSES, Case, LISTENER, Pair, Place, SERVER_FOLLOWS};
use crate::{rest::rest, sock::Sock};

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "both ends speak MPTCP",
        play: both,
        lives: &[
            LISTENER,
            CLIENT_CLOSES,
            SERVER_FOLLOWS,
            "mptcp: CLOSE LISTEN CLOSE",
            MPTCP_CLIENT_CLOSES,
            "mptcp: LISTEN ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ],
    },
    Case {
        name: "an MPTCP client meets a TCP server",
        play: fallback,
        lives: &[LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS, MPTCP_CLIENT_CLOSES],
    },
];

const MPTCP_CLIENT_CLOSES: &str = "mptcp: CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// The same where the kernel's worker comes so late that the subflow has ended before.
const MPTCP_CLIENT_CLOSES_LATE: &str = "mptcp: CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE";

/// A life as the cases name it, whenever the kernel's worker came.
pub fn as_planned(path: String) -> String {
    if path == MPTCP_CLIENT_CLOSES_LATE { MPTCP_CLIENT_CLOSES.to_owned() } else { path }
}

fn listener(place: &Place) -> Result<Sock> {
    let listener = Sock::mptcp(place.block.server())?;
    listener.bind(place.block.server())?;
    listener.listen(8)?;
    Ok(listener)
}

fn both(place: &Place) -> Result<()> {
    let listener = listener(place)?;
    let client = Sock::mptcp(place.block.server())?;
    client.connect(place.block.server())?;
    let server = listener.accept()?;
    client.send(b"hello")?;
    server.receive(5)?;
    rest("ESTABLISHED ESTABLISHED")?;
    // The subflows are closed once both ends of the connection are.
    client.close();
    server.receive_fin()?;
    server.close();
    rest("LISTEN TIME_WAIT")?;
    listener.close();
    Ok(())
}

fn fallback(place: &Place) -> Result<()> {
    let listener = place.listener()?;
    let client = Sock::mptcp(place.block.server())?;
    client.connect(place.block.server())?;
    let server = listener.accept()?;
    rest("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}
