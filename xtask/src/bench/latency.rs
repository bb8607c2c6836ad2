//! From the kernel's time stamp to the line in the reader's hands, one event every ten milliseconds.

use std::{net::Ipv4Addr, net::SocketAddr, thread, time::Duration};

use anyhow::Result;
use netstat_tests::{clock::monotonic_ns, event::Event, sock::Sock};
use rustix::io::Errno;

use super::{
    Bench, load,
    ours::Ours,
    report::{Figure, Report, Target},
};

/// Events a round; each is a SYN_SENT that is refused: two rows.
const EVENTS: usize = 300;
const PAUSE: Duration = Duration::from_millis(10);
const PORT: u16 = 9;

/// The median and the 99th percentile of each round.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let mut delays = round(bench)?;
        delays.sort_by(f64::total_cmp);
        p50.push(delays[delays.len() / 2]);
        p99.push(delays[delays.len() * 99 / 100]);
    }
    for (subject, values, most) in [("ours, p50", p50, 0.3), ("ours, p99", p99, 1.0)] {
        report.add(Figure {
            bench: "latency",
            subject: subject.into(),
            unit: "ms",
            values,
            target: Some(Target::AtMost(most)),
            note: String::new(),
        });
    }
    Ok(())
}

/// Milliseconds of each event.
fn round(bench: &Bench) -> Result<Vec<f64>> {
    let namespace = load::namespace()?;
    let server = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT);
    let mut ours = Ours::start(bench, &["--port", &PORT.to_string()])?;
    let mut delays = Vec::new();
    thread::scope(|scope| {
        let player = scope.spawn(|| {
            namespace.run(|| {
                for _ in 0..EVENTS {
                    thread::sleep(PAUSE);
                    Sock::tcp(server)?.connect_fails(server, Errno::CONNREFUSED)?;
                }
                Ok(())
            })
        });
        while delays.len() < EVENTS {
            if let Event::Transition(row) = ours.next()?
                && row.new_state == "CLOSE"
            {
                delays.push(monotonic_ns().saturating_sub(row.mono_ns) as f64 / 1e6);
            }
        }
        player.join().map_err(|_| anyhow::anyhow!("the player panicked"))?
    })?;
    ours.stop()?;
    Ok(delays)
}
