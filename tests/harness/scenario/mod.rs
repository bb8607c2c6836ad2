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

use crate::{block::Block, netns::Namespace, rest::rest, sock::Sock};

/// Where a case is played: a network namespace and addresses that nobody else uses.
pub struct Place {
    /// The addresses.
    pub block: Block,
    /// The namespace in which the player runs.
    pub here: Namespace,
}

/// One kind of connection.
#[derive(Clone, Copy)]
pub struct Case {
    /// What happens, as a sentence.
    pub name: &'static str,
    /// Plays it, inside [`Place::here`].
    pub play: fn(&Place) -> Result<()>,
    /// The life of each socket, as the kernel's tracepoint tells it: the states in order, in any order of lives.
    pub lives: &'static [&'static str],
}

/// A socket that listened and was closed.
pub const LISTENER: &str = "CLOSE LISTEN CLOSE";
/// A client that closed first.
pub const CLIENT_CLOSES: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A server whose client closed first.
pub const SERVER_FOLLOWS: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A server that closed first.
pub const SERVER_CLOSES: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE";
/// A client whose server closed first.
pub const CLIENT_FOLLOWS: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE";
/// A client whose established connection ended by an RST, its own or the peer's.
pub const CLIENT_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE";
/// The same for a server.
pub const SERVER_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE";
/// A client that never got through.
pub const CLIENT_FAILS: &str = "CLOSE SYN_SENT CLOSE";

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
        rest("LISTEN")?;
        let client = Sock::connected(listener.local()?)?;
        let server = listener.accept()?;
        rest("ESTABLISHED ESTABLISHED")?;
        Ok(Self { listener, client, server })
    }

    /// The client closes first, then the server; the listener goes last.
    pub fn client_closes(self) -> Result<()> {
        self.client.close();
        self.server.receive_fin()?;
        rest("FIN_WAIT2 CLOSE_WAIT")?;
        self.server.close();
        rest("TIME_WAIT")
    }

    /// The server closes first, then the client; the listener goes last.
    pub fn server_closes(self) -> Result<()> {
        self.server.close();
        self.client.receive_fin()?;
        rest("FIN_WAIT2 CLOSE_WAIT")?;
        self.client.close();
        rest("TIME_WAIT")
    }
}

impl Place {
    /// A new namespace with the block's IPv6 addresses 1 and 2 on its loopback (IPv4's are there anyway).
    pub fn new() -> Result<Self> {
        let place = Self { block: Block::claim()?, here: Namespace::new()? };
        for host in [1, 2] {
            place.here.add_address("lo", place.block.v6(host))?;
        }
        Ok(place)
    }

    /// A listener on IPv4 loopback.
    pub fn listener(&self) -> Result<Sock> {
        Sock::listening(self.block.server(), 8)
    }

    /// A connection over IPv4 loopback.
    pub fn pair(&self) -> Result<Pair> {
        Pair::through(self.listener()?)
    }

    /// A connection over IPv6 loopback.
    pub fn pair_v6(&self) -> Result<Pair> {
        Pair::through(Sock::listening(self.block.server_v6(), 8)?)
    }

    /// Plays the case here.
    pub fn play(&self, case: &Case) -> Result<()> {
        self.here.run(|| (case.play)(self))
    }
}

/// Every case of every topic.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let topics: [&'static [Case]; 10] = [
        close::CASES,
        half_open::CASES,
        ipv6::CASES,
        listen::CASES,
        mptcp::CASES,
        network::CASES,
        open::CASES,
        process::CASES,
        rare::CASES,
        reset::CASES,
    ];
    topics.into_iter().flatten()
}
