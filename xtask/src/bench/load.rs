//! The load: TCP connections on loopback, in a network namespace of their own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use netstat_tests::{netns::Namespace, sock::Sock};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The ports of the listeners, one for each core or process.
pub const PORTS: std::ops::Range<u16> = 10_000..10_064;
/// [`PORTS`] as the value of `--port`.
pub const PORT_FILTER: &str = "10000-10063";
/// The number of destination addresses. Each gives the clients another 4-tuple for every ephemeral port.
const DESTINATIONS: usize = 250;

/// A new namespace in which no connection reuses the tuple of a TIME_WAIT socket.
pub fn namespace() -> Result<Namespace> {
    let namespace = Namespace::new()?;
    namespace.sysctl("ipv4/tcp_tw_reuse", "0")?;
    namespace.sysctl("core/somaxconn", "65535")?;
    Ok(namespace)
}

/// Each of the first `cores` cores connects, accepts, exchanges a request and closes, `connections` times, as fast as it
/// can. Returns the connections/s of all cores together.
pub fn churn(namespace: &Namespace, connections: usize, cores: usize) -> Result<f64> {
    let begin = Instant::now();
    on_cores(namespace, cores, |core| {
        let listener = listener(core)?;
        for number in 0..connections {
            let client = Sock::connected(destination(core, number))?;
            let server = listener.accept()?;
            exchange(&client, &server)?;
            client.close();
            server.close();
        }
        Ok(())
    })?;
    Ok((connections * cores) as f64 / begin.elapsed().as_secs_f64())
}

/// Exchanges small requests on open connections for `duration`. Returns requests/s.
pub fn requests(namespace: &Namespace, connections: usize, duration: Duration) -> Result<f64> {
    let rates = on_cores(namespace, 1, |core| {
        let pairs = pairs(core, connections)?;
        let (begin, mut count) = (Instant::now(), 0);
        while begin.elapsed() < duration {
            for (client, server) in &pairs {
                exchange(client, server)?;
                count += 1;
            }
        }
        Ok(f64::from(count) / begin.elapsed().as_secs_f64())
    })?;
    Ok(rates.iter().sum())
}

/// A small request and its response.
fn exchange(client: &Sock, server: &Sock) -> Result<()> {
    client.send(&[0; 64])?;
    server.receive(64)?;
    server.send(&[0; 256])?;
    client.receive(256)
}

/// Established connections: client and server socket of each.
pub fn pairs(core: usize, connections: usize) -> Result<Vec<(Sock, Sock)>> {
    let listener = listener(core)?;
    (0..connections)
        .map(|number| Ok((Sock::connected(destination(core, number))?, listener.accept()?)))
        .collect()
}

fn listener(core: usize) -> Result<Sock> {
    Sock::listening(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port(core)), 4096)
}

fn destination(core: usize, number: usize) -> SocketAddr {
    let host = u8::try_from(number % DESTINATIONS + 1).unwrap_or(1);
    SocketAddr::new(Ipv4Addr::new(127, 0, 1, host).into(), port(core))
}

fn port(core: usize) -> u16 {
    PORTS.start + u16::try_from(core).unwrap_or(0)
}

/// Runs `work` in the namespace on each of the first `cores` cores in parallel.
fn on_cores<T: Send>(
    namespace: &Namespace,
    cores: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    namespace.run(|| {
        thread::scope(|scope| {
            let on_core = |core| {
                let mut cpus = CpuSet::new();
                cpus.set(core);
                sched_setaffinity(None, &cpus)?;
                work(core)
            };
            let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || on_core(core))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("a thread of the load panicked"))?)
                .collect()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{PORT_FILTER, PORTS};

    #[test]
    fn the_port_filter_contains_exactly_the_ports_of_the_load() {
        assert_eq!(PORT_FILTER, format!("{}-{}", PORTS.start, PORTS.end - 1));
    }
}
