//! Scenarios: functions that make real connections, each with the histories that it must cause.

pub mod attempt;
pub mod close;
pub mod half_open;
pub mod ipv6;
pub mod late_reset;
pub mod listen;
pub mod mptcp;
pub mod network;
pub mod open;
pub mod process;
pub mod rare;
pub mod request;
pub mod reset;

use anyhow::{Context as _, Result};

use crate::{address_block::AddressBlock, checkpoint::checkpoint, netns::Namespace, sock::Sock};

/// Where a scenario runs: a network namespace, and addresses that no other test uses.
pub struct TestNet {
    /// Its addresses.
    pub addresses: AddressBlock,
    /// The namespace in which the scenario runs.
    pub netns: Namespace,
}

/// A kind of connection.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What happens, as a sentence.
    pub name: &'static str,
    /// Makes the connections. Called in [`TestNet::netns`].
    pub run: fn(&TestNet) -> Result<()>,
    /// The state path of each socket, as the kernel's tracepoint shows it. The sockets are in no order.
    pub histories: &'static [&'static str],
}

/// A socket that listens and is closed.
pub const LISTENER: &str = "CLOSE LISTEN CLOSE";
/// A client that closes first.
pub const CLIENT_ACTIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A server whose client closes first.
pub const SERVER_PASSIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A server that closes first.
pub const SERVER_ACTIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A client whose server closes first.
pub const CLIENT_PASSIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A client whose established connection ends with an RST from either side.
pub const CLIENT_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE";
/// The same for a server.
pub const SERVER_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE";
/// A client whose connect() fails.
pub const CLIENT_CONNECT_FAILS: &str = "CLOSE SYN_SENT CLOSE";

/// An established connection and its listener.
pub struct Pair {
    /// The listener.
    pub listener: Sock,
    /// The client's socket.
    pub client: Sock,
    /// The accepted socket.
    pub server: Sock,
}

impl Pair {
    /// Connects to the listener and accepts.
    pub fn through(listener: Sock) -> Result<Self> {
        checkpoint("LISTEN")?;
        let client = Sock::connected(listener.local()?)?;
        let server = listener.accept()?;
        checkpoint("ESTABLISHED ESTABLISHED")?;
        Ok(Self { listener, client, server })
    }

    /// Closes the client first, then the server, and at last the listener.
    pub fn client_closes(self) -> Result<()> {
        self.client.close();
        self.server.receive_fin()?;
        checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
        self.server.close();
        checkpoint("TIME_WAIT")
    }

    /// Closes the server first, then the client, and at last the listener.
    pub fn server_closes(self) -> Result<()> {
        self.server.close();
        self.client.receive_fin()?;
        checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
        self.client.close();
        checkpoint("TIME_WAIT")
    }
}

impl TestNet {
    /// A new namespace. The block's IPv6 addresses 1 and 2 are added to its loopback; the IPv4 ones need not be.
    pub fn new() -> Result<Self> {
        let net = Self { addresses: AddressBlock::claim()?, netns: Namespace::new()? };
        for host in [1, 2] {
            net.netns.add_address("lo", net.addresses.v6(host))?;
        }
        Ok(net)
    }

    /// A listener on IPv4 loopback.
    pub fn listener(&self) -> Result<Sock> {
        Sock::listening(self.addresses.server(), 8)
    }

    /// A connection over IPv4 loopback.
    pub fn pair(&self) -> Result<Pair> {
        Pair::through(self.listener()?)
    }

    /// A connection over IPv6 loopback.
    pub fn pair_v6(&self) -> Result<Pair> {
        Pair::through(Sock::listening(self.addresses.server_v6(), 8)?)
    }

    /// Runs the scenario here.
    pub fn run(&self, scenario: &Scenario) -> Result<()> {
        self.netns.run(|| (scenario.run)(self))
    }
}

/// Every scenario of every module.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let topics: [&'static [Scenario]; 13] = [
        attempt::SCENARIOS,
        close::SCENARIOS,
        half_open::SCENARIOS,
        ipv6::SCENARIOS,
        late_reset::SCENARIOS,
        listen::SCENARIOS,
        mptcp::SCENARIOS,
        network::SCENARIOS,
        open::SCENARIOS,
        process::SCENARIOS,
        rare::SCENARIOS,
        request::SCENARIOS,
        reset::SCENARIOS,
    ];
    topics.into_iter().flatten()
}

/// The scenario with this name.
pub fn named(name: &str) -> Result<&'static Scenario> {
    all().find(|scenario| scenario.name == name).with_context(|| format!("there is no scenario {name:?}"))
}
