//! Connection attempts that fail before the handshake is over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, ensure};
use rustix::{io::Errno, net::sockopt};

use super::{
    CLIENT_ACTIVE_CLOSE, CLIENT_CONNECT_FAILS, LISTENER, Pair, SERVER_PASSIVE_CLOSE, Scenario, TestNet,
};
use crate::{
    checkpoint::also_check,
    netns::{Namespace, ip},
    packet,
    sock::Sock,
    wait,
    wire::Wire,
};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "no local port is left", run: no_port, histories: &[LISTENER, CLIENT_CONNECT_FAILS] },
    Scenario {
        name: "the client binds to a port that is connected to the server already",
        run: port_is_connected,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
    },
    Scenario {
        name: "a socket that was refused finds no local port",
        run: no_port_after_refusal,
        histories: &[LISTENER, CLIENT_CONNECT_FAILS, CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "a router rejects the SYN at once and the client closes",
        run: rejected_at_once,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "a router rejects the SYN at once and the client reads the error",
        run: rejected_and_read,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "a router prohibits the IPv6 connection",
        run: prohibited_v6,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario {
        name: "every kind of ICMP error answers a SYN",
        run: every_icmp_error,
        histories: &[CLIENT_CONNECT_FAILS; ICMP_ERRORS.len()],
    },
    Scenario {
        name: "the client gives up after it has sent its SYN again",
        run: gives_up_late,
        histories: &[CLIENT_CONNECT_FAILS],
    },
    Scenario { name: "an administrator ends the attempt", run: killed, histories: &[CLIENT_CONNECT_FAILS] },
    Scenario {
        name: "the client disconnects before an answer",
        run: disconnect,
        histories: &[CLIENT_CONNECT_FAILS],
    },
];

/// ICMP errors that end a connection attempt: type, code, and the errno (`icmp_err_convert`, net/ipv4/icmp.c).
const ICMP_ERRORS: [(u8, u8, Errno); 9] = [
    (3, 0, Errno::NETUNREACH),
    (3, 1, Errno::HOSTUNREACH),
    (3, 2, Errno::NOPROTOOPT),
    (3, 5, Errno::OPNOTSUPP),
    (3, 7, Errno::HOSTDOWN),
    (3, 8, Errno::NONET),
    (3, 13, Errno::HOSTUNREACH),
    (11, 0, Errno::HOSTUNREACH),
    (12, 0, Errno::PROTO),
];

const NOWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const NOWHERE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Leaves one local port, and binds it.
fn occupy_ports(net: &TestNet) -> Result<Sock> {
    let port = net.addresses.last_port();
    net.netns.sysctl("ipv4/ip_local_port_range", &format!("{port} {port}"))?;
    let occupant = Sock::tcp(net.addresses.server())?;
    rustix::net::bind(occupant.fd(), &SocketAddr::new(net.addresses.loopback(1), port))?;
    Ok(occupant)
}

fn no_port(net: &TestNet) -> Result<()> {
    let _listener = net.listener()?;
    let _occupant = occupy_ports(net)?;
    Sock::tcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::ADDRNOTAVAIL)
}

fn port_is_connected(net: &TestNet) -> Result<()> {
    let listener = net.listener()?;
    let own = SocketAddr::new(net.addresses.loopback(2), net.addresses.port() + 1);
    let [client, second] = [Sock::tcp(own)?, Sock::tcp(own)?];
    client.bind(own)?;
    second.bind(own)?;
    client.connect(net.addresses.server())?;
    let server = listener.accept()?;
    second.connect_fails(net.addresses.server(), Errno::ADDRNOTAVAIL)?;
    Pair { listener, client, server }.client_closes()
}

/// The source port of the first attempt must not appear in the second.
fn no_port_after_refusal(net: &TestNet) -> Result<()> {
    let client = Sock::tcp(net.addresses.server())?;
    client.connect_fails(net.addresses.server(), Errno::CONNREFUSED)?;
    let _listener = net.listener()?;
    let _occupant = occupy_ports(net)?;
    client.connect_fails(net.addresses.server(), Errno::ADDRNOTAVAIL)
}

/// A router that has no route to the address, and the namespace's route to it by the router.
fn router(net: &TestNet) -> Result<Namespace> {
    let router = Namespace::new()?;
    also_check(&router)?;
    net.netns.join(net.addresses.link(1), &router, net.addresses.link(2))?;
    router.sysctl("ipv4/ip_forward", "1")?;
    router.run(|| ip(&format!("route add unreachable {NOWHERE}")))?;
    ip(&format!("route add {NOWHERE} via {}", net.addresses.link(2)))?;
    // The first connection must not wait for an answer to ARP, which would delay the router's.
    let server = SocketAddr::new(net.addresses.link(2), net.addresses.port());
    Sock::tcp(server)?.connect_fails(server, Errno::CONNREFUSED)?;
    Ok(router)
}

fn start_rejected(net: &TestNet) -> Result<Sock> {
    let server = SocketAddr::new(NOWHERE.into(), net.addresses.port());
    let client = Sock::tcp(server)?;
    client.start_connect(server)?;
    ensure!(client.state()? == "SYN_SENT", "the error ended the connection attempt");
    Ok(client)
}

fn rejected_at_once(net: &TestNet) -> Result<()> {
    let _router = router(net)?;
    start_rejected(net)?.close();
    Ok(())
}

fn rejected_and_read(net: &TestNet) -> Result<()> {
    let _router = router(net)?;
    let client = start_rejected(net)?;
    let error = sockopt::socket_error(client.fd())?;
    ensure!(error == Err(Errno::HOSTUNREACH), "SO_ERROR is {error:?}");
    client.close();
    Ok(())
}

fn prohibited_v6(net: &TestNet) -> Result<()> {
    let router = Namespace::new()?;
    also_check(&router)?;
    net.netns.join(net.addresses.v6(11), &router, net.addresses.v6(12))?;
    router.sysctl("ipv6/conf/all/forwarding", "1")?;
    router.run(|| ip(&format!("route add prohibit {NOWHERE_V6}")))?;
    // Loopback has addresses of the same prefix.
    ip(&format!("route add {NOWHERE_V6} via {} dev veth0", net.addresses.v6(12)))?;
    let server = SocketAddr::new(IpAddr::V6(NOWHERE_V6), net.addresses.port());
    Sock::tcp(server)?.connect_fails(server, Errno::ACCESS)
}

fn every_icmp_error(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.relay.cut_forward(true);
    for (kind, code, errno) in ICMP_ERRORS {
        let client = Sock::tcp(wire.address)?;
        client.start_connect(wire.address)?;
        let port = client.local()?.port();
        let syn = wait::until("the SYN is sent", || {
            let last = wire.relay.last_sent_forward()?;
            Ok((last.get(20..22) == Some(&port.to_be_bytes()[..])).then_some(last))
        })?;
        wire.relay.inject_backward(&packet::icmp_error(wire.address.ip(), kind, code, &syn)?)?;
        client.wait_for("CLOSE")?;
        client.receive_fails(errno)?;
    }
    Ok(())
}

fn gives_up_late(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    wait::until("the SYN is sent again", || Ok((client.retransmits()? >= 1).then_some(())))?;
    client.close();
    Ok(())
}

fn killed(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    crate::ss::kill(client.local()?, wire.address)?;
    client.receive_fails(Errno::CONNABORTED)
}

fn disconnect(net: &TestNet) -> Result<()> {
    let wire = Wire::new(net)?;
    wire.cut();
    let client = Sock::tcp(wire.address)?;
    client.start_connect(wire.address)?;
    client.disconnect()
}
