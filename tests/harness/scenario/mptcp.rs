//! MPTCP: a connection and its subflows, each with transitions of its own.

use anyhow::Result;
use rustix::io::Errno;

use super::{CLIENT_ACTIVE_CLOSE, LISTENER, Pair, SERVER_PASSIVE_CLOSE, Scenario, TestNet};
use crate::{checkpoint::checkpoint, sock::Sock};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "both ends speak MPTCP",
        run: both,
        histories: &[
            LISTENER,
            CLIENT_ACTIVE_CLOSE,
            SERVER_PASSIVE_CLOSE,
            "mptcp: CLOSE LISTEN CLOSE",
            MPTCP_CLIENT_ACTIVE_CLOSE,
            "mptcp: LISTEN ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE",
        ],
    },
    Scenario {
        name: "an MPTCP client meets a TCP server",
        run: fallback,
        histories: &[LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE, MPTCP_CLIENT_ACTIVE_CLOSE],
    },
];

/// Those whose states differ between kernels, but whose ends the wire shows.
pub const RESETS: &[Scenario] = &[
    Scenario { name: "an MPTCP client is refused", run: refused, histories: &[] },
    Scenario { name: "a TCP server resets an MPTCP client", run: fallback_reset, histories: &[] },
];

const MPTCP_CLIENT_ACTIVE_CLOSE: &str = "mptcp: CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// The same if the kernel's worker runs after the subflow has ended.
const MPTCP_CLIENT_ACTIVE_CLOSE_LATE: &str = "mptcp: CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE";

/// Replaces the path of a late worker by the one that the scenarios name.
pub fn with_expected_timing(path: String) -> String {
    if path == MPTCP_CLIENT_ACTIVE_CLOSE_LATE { MPTCP_CLIENT_ACTIVE_CLOSE.to_owned() } else { path }
}

fn listener(net: &TestNet) -> Result<Sock> {
    let listener = Sock::mptcp(net.addresses.server())?;
    listener.bind(net.addresses.server())?;
    listener.listen(8)?;
    Ok(listener)
}

fn both(net: &TestNet) -> Result<()> {
    let listener = listener(net)?;
    let client = Sock::mptcp(net.addresses.server())?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    client.send(b"hello")?;
    server.receive(5)?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    // The subflows are closed when both ends of the connection are.
    client.close();
    server.receive_fin()?;
    server.close();
    checkpoint("LISTEN TIME_WAIT")?;
    listener.close();
    Ok(())
}

fn fallback(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::mptcp(net.addresses.server())?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    checkpoint("ESTABLISHED ESTABLISHED")?;
    Pair { listener, client, server }.client_closes()
}

fn refused(net: &TestNet) -> Result<()> {
    Sock::mptcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::CONNREFUSED)
}

fn fallback_reset(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let client = Sock::mptcp(net.addresses.server())?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    client.send(b"hello")?;
    server.receive(5)?;
    server.reset()?;
    client.receive_fails(Errno::CONNRESET)?;
    client.close();
    Ok(())
}
