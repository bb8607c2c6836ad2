//! Two namespaces joined by a slow link that can be cut.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;

use crate::{
    checkpoint,
    netns::Namespace,
    relay::Relay,
    scenario::{Pair, TestNet},
    sock::Sock,
};

/// The delay of a packet in each direction.
const DELAY: Duration = Duration::from_millis(20);

/// A link between the scenario's namespace and another one.
pub struct Wire {
    /// The other namespace.
    pub far: Namespace,
    /// The threads that forward the packets.
    pub relay: Relay,
    /// An address in the scenario's namespace.
    pub near_address: SocketAddr,
    /// The address in the other namespace on which [`Self::listen`] listens.
    pub address: SocketAddr,
}

impl Wire {
    /// Joins the network's namespace and a new one.
    pub fn new(net: &TestNet) -> Result<Self> {
        let far = Namespace::new()?;
        checkpoint::also_check(&far)?;
        let (near_ip, far_ip) = (net.addresses.link(1), net.addresses.link(2));
        let relay = Relay::between((&net.netns, near_ip), (&far, far_ip), DELAY)?;
        let [near_address, address] = [near_ip, far_ip].map(|ip| SocketAddr::new(ip, net.addresses.port()));
        Ok(Self { far, relay, near_address, address })
    }

    /// A listener in the other namespace.
    pub fn listen(&self) -> Result<Sock> {
        self.far.run(|| Sock::listening(self.address, 8))
    }

    /// A connection from the scenario's namespace to the other.
    pub fn pair(&self) -> Result<Pair> {
        Pair::through(self.listen()?)
    }

    /// Drops every packet from now on.
    pub fn cut(&self) {
        self.relay.cut_forward(true);
        self.relay.cut_backward(true);
    }
}
