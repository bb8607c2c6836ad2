//! Two namespaces joined by a slow wire that can be cut.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;

use crate::{
    checkpoint,
    netns::Namespace,
    relay::Relay,
    scenario::{Pair, TestNet},
    sock::Sock,
};

/// What a packet takes each way.
const DELAY: Duration = Duration::from_millis(20);

/// The case's own namespace and another, joined by a wire; `far` listens at `address`.
pub struct Wire {
    /// The other namespace.
    pub far: Namespace,
    /// What carries the packets.
    pub relay: Relay,
    /// An address on this side.
    pub near_address: SocketAddr,
    /// Where [`Self::listen`] listens.
    pub address: SocketAddr,
}

impl Wire {
    /// The wire between the place's namespace and a new one.
    pub fn new(net: &TestNet) -> Result<Self> {
        let far = Namespace::new()?;
        checkpoint::also_check(&far)?;
        let (near_ip, far_ip) = (net.addresses.link(1), net.addresses.link(2));
        let relay = Relay::between((&net.netns, near_ip), (&far, far_ip), DELAY)?;
        let [near_address, address] = [near_ip, far_ip].map(|ip| SocketAddr::new(ip, net.addresses.port()));
        Ok(Self { far, relay, near_address, address })
    }

    /// A listener on the other side.
    pub fn listen(&self) -> Result<Sock> {
        self.far.run(|| Sock::listening(self.address, 8))
    }

    /// A connection from this side to the other.
    pub fn pair(&self) -> Result<Pair> {
        Pair::through(self.listen()?)
    }

    /// Loses every packet from now on.
    pub fn cut(&self) {
        self.relay.cut_forward(true);
        self.relay.cut_backward(true);
    }
}
