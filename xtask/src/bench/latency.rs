//! The time from the kernel's timestamp of a transition until a reader has its line.

use std::{net::Ipv4Addr, net::SocketAddr, thread, time::Duration};

use anyhow::{Result, anyhow};
use netstat_tests::{event::Event, sock::Sock, wait::monotonic_ns};
use rustix::io::Errno;

use super::{
    json_trace::JsonTrace,
    load,
    report::{Figure, Report, Target},
    setup::Bench,
};

/// Refused connections in each round. Each makes two transitions, of which the one to CLOSE is measured.
const CONNECTIONS: usize = 300;
/// The pause between two connections.
const PAUSE: Duration = Duration::from_millis(10);
/// Nothing listens here.
const PORT: u16 = 9;

/// The median and the 99th percentile of each round, milliseconds.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let mut delays = measure_round(bench)?;
        delays.sort_by(f64::total_cmp);
        p50.push(delays[delays.len() / 2]);
        p99.push(delays[delays.len() * 99 / 100]);
    }
    for (case, values, most) in [("rnetstat-trace, p50", p50, 0.3), ("rnetstat-trace, p99", p99, 1.0)] {
        report.add(Figure::new(case, "ms", values).with_target(Some(Target::AtMost(most))));
    }
    Ok(())
}

/// The delay of each connection's transition to CLOSE, milliseconds.
fn measure_round(bench: &Bench) -> Result<Vec<f64>> {
    let namespace = load::namespace()?;
    let server = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT);
    let mut trace = JsonTrace::start(bench, &["--port", &PORT.to_string()])?;
    let mut delays = Vec::new();
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            namespace.run(|| {
                for _ in 0..CONNECTIONS {
                    thread::sleep(PAUSE);
                    Sock::tcp(server)?.connect_fails(server, Errno::CONNREFUSED)?;
                }
                Ok(())
            })
        });
        while delays.len() < CONNECTIONS {
            if let Event::Transition(row) = trace.next()?
                && row.new_state == "CLOSE"
            {
                delays.push(monotonic_ns().saturating_sub(row.mono_ns) as f64 / 1e6);
            }
        }
        client.join().map_err(|_| anyhow!("the thread of the client panicked"))?
    })?;
    trace.stop()?;
    Ok(delays)
}
