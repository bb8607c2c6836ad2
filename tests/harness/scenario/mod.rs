//! The kinds of connections: each a player, a plain function over real sockets, with the lives that it makes.

pub mod close;
pub mod half_open;
pub mod ipv6;
pub mod listen;
pub mod mptcp;
pub mod network;
pub mod open;
pub mod process;
pub mod rare;
pub mod reset;

use anyhow::Result;

use crate::{address_block::AddressBlock, checkpoint::checkpoint, netns::Namespace, sock::Sock};

/// Where a case is played: a network namespace and addresses that nobody else uses.
pub struct TestNet {
    /// The addresses.
    pub addresses: AddressBlock,
    /// The namespace in which the player runs.
    pub netns: Namespace,
}

/// One kind of connection.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What happens, as a sentence.
    pub name: &'static str,
    /// Plays it, inside [`Place::here`].
    pub run: fn(&TestNet) -> Result<()>,
    /// The life of each socket, as the kernel's tracepoint tells it: the states in order, in any order of lives.
    pub histories: &'static [&'static str],
}

/// A socket that listened and was closed.
pub const LISTENER: &str = "CLOSE LISTEN CLOSE";
/// A client that closed first.
pub const CLIENT_ACTIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A server whose client closed first.
pub const SERVER_PASSIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A server that closed first.
pub const SERVER_ACTIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A client whose server closed first.
pub const CLIENT_PASSIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A client whose established connection ended by an RST, its own or the peer's.
pub const CLIENT_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE";
/// The same for a server.
pub const SERVER_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE";
/// A client that never got through.
pub const CLIENT_CONNECT_FAILS: &str = "CLOSE SYN_SENT CLOSE";

/// An established connection and its listener.
pub struct Pair {
    /// The listener.
    pub listener: Sock,
    /// The end that connected.
    pub client: Sock,
    /// The end that was accepted.
    pub server: Sock,
}

impl Pair {
    /// Connects over what the listener listens on.
    pub fn through(listener: Sock) -> Result<Self> {
        checkpoint("LISTEN")?;
        let client = Sock::connected(listener.local()?)?;
        let server = listener.accept()?;
        checkpoint("ESTABLISHED ESTABLISHED")?;
        Ok(Self { listener, client, server })
    }

    /// The client closes first, then the server; the listener goes last.
    pub fn client_closes(self) -> Result<()> {
        self.client.close();
        self.server.receive_fin()?;
        checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
        self.server.close();
        checkpoint("TIME_WAIT")
    }

    /// The server closes first, then the client; the listener goes last.
    pub fn server_closes(self) -> Result<()> {
        self.server.close();
        self.client.receive_fin()?;
        checkpoint("FIN_WAIT2 CLOSE_WAIT")?;
        self.client.close();
        checkpoint("TIME_WAIT")
    }
}

impl TestNet {
    /// A new namespace with the block's IPv6 addresses 1 and 2 on its loopback (IPv4's are there anyway).
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

    /// Plays the case here.
    pub fn run(&self, scenario: &Scenario) -> Result<()> {
        self.netns.run(|| (scenario.run)(self))
    }
}

/// Every case of every topic.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let topics: [&'static [Scenario]; 10] = [
        close::SCENARIOS,
        half_open::SCENARIOS,
        ipv6::SCENARIOS,
        listen::SCENARIOS,
        mptcp::SCENARIOS,
        network::SCENARIOS,
        open::SCENARIOS,
        process::SCENARIOS,
        rare::SCENARIOS,
        reset::SCENARIOS,
    ];
    topics.into_iter().flatten()
}
