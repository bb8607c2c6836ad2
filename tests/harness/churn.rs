//! Makes a given number of short connections as fast as possible.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::{
    io::Errno,
    net::sockopt::{self, Timeout},
    thread::{CpuSet, sched_setaffinity},
};

use crate::{address_block::AddressBlock, netns::Namespace, sock::Sock};

/// The kernel's maximum: the server falls behind the client at times.
const BACKLOG: i32 = 65535;

/// The time limit of an accept(), after which the server checks whether the clients have finished.
const PATIENCE: Duration = Duration::from_millis(200);

/// The ephemeral ports are used up per destination, so there are many destinations.
const DESTINATIONS: u8 = 250;

/// The CPUs to which a client thread and its server thread are pinned.
#[derive(Clone, Copy)]
pub struct CpuPair {
    /// The client's CPU.
    pub client: usize,
    /// The server's CPU.
    pub server: usize,
}

/// Makes `connections` connections over loopback with each pair of threads. The client resets every fourth and closes
/// the others.
pub fn churn(
    namespace: &Namespace,
    addresses: &AddressBlock,
    connections: usize,
    pairs: &[CpuPair],
) -> Result<()> {
    namespace.sysctl("core/somaxconn", &BACKLOG.to_string())?;
    // A connection that reuses a tuple ends the TIME_WAIT on it, which the record doesn't show.
    namespace.sysctl("ipv4/tcp_tw_reuse", "0")?;
    namespace.run(|| {
        let ports = addresses.port()..=addresses.last_port();
        let work: Vec<_> = ports
            .zip(pairs)
            .map(|(port, pair)| Ok((port, listener(port)?, *pair, AtomicBool::new(false))))
            .collect::<Result<_>>()?;
        ensure!(work.len() == pairs.len(), "more pairs than ports");
        thread::scope(|scope| {
            let (mut servers, mut clients) = (Vec::new(), Vec::new());
            for (port, listener, pair, client_is_done) in &work {
                servers.push(scope.spawn(move || serve(listener, client_is_done, pair.server)));
                clients.push(scope.spawn(move || {
                    let outcome = connect(addresses, *port, connections, pair.client);
                    client_is_done.store(true, Ordering::Release);
                    outcome
                }));
            }
            clients
                .into_iter()
                .chain(servers)
                .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
        })
    })
}

fn listener(port: u16) -> Result<Sock> {
    let listener = Sock::listening(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), BACKLOG)?;
    sockopt::set_socket_timeout(listener.fd(), Timeout::Recv, Some(PATIENCE))?;
    Ok(listener)
}

fn connect(addresses: &AddressBlock, port: u16, connections: usize, cpu: usize) -> Result<()> {
    stay_on(cpu)?;
    for (number, host) in (0..connections).zip((1..=DESTINATIONS).cycle()) {
        let client = Sock::connected(SocketAddr::new(addresses.loopback(host), port))?;
        if number % 4 == 0 {
            client.reset()?;
        } else {
            client.close();
        }
    }
    Ok(())
}

/// Accepts until the clients have finished. An RST that overtakes the last ACK of the handshake ends a connection
/// before accept().
fn serve(listener: &Sock, client_is_done: &AtomicBool, cpu: usize) -> Result<()> {
    stay_on(cpu)?;
    while let Some(server) = next(listener, client_is_done)? {
        match server.receive_fin() {
            Err(error) if error.downcast_ref() != Some(&Errno::CONNRESET) => return Err(error),
            _ => server.close(),
        }
    }
    Ok(())
}

/// The next connection. None when no more will come.
fn next(listener: &Sock, client_is_done: &AtomicBool) -> Result<Option<Sock>> {
    loop {
        let is_last_try = client_is_done.load(Ordering::Acquire);
        match listener.accept() {
            Err(error) if error.downcast_ref() != Some(&Errno::AGAIN) => return Err(error),
            Err(_) if is_last_try => return Ok(None),
            Err(_) => {}
            Ok(server) => return Ok(Some(server)),
        }
    }
}

fn stay_on(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus).with_context(|| format!("staying on CPU {cpu}"))
}
