//! Every scenario beside a capture of its packets: no close reason contradicts the FINs and RSTs on the wire.

#![cfg(target_os = "linux")]

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    capture::{self, Capture},
    event::{Direction, Row},
    history,
    oracle::{ORDINARY, Oracle, Protocol},
    scenario::{self, Scenario, TestNet},
    segment::Segment,
    skip,
    tracer::Tracer,
    wire_evidence::WireEvidence,
};

/// In these scenarios a forged SYN begins no connection.
const WITH_FORGED_SYN: &str = "a second SYN arrives for a half-open connection";

#[test]
fn closes_and_resets_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::close::SCENARIOS, scenario::reset::SCENARIOS, scenario::late_reset::SCENARIOS])
}

#[test]
fn opening_connections_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::open::SCENARIOS, scenario::attempt::SCENARIOS])
}

#[test]
fn listeners_connections_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::listen::SCENARIOS, scenario::process::SCENARIOS, scenario::ipv6::SCENARIOS])
}

#[test]
fn connections_between_namespaces_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::network::SCENARIOS])
}

#[test]
fn half_open_connections_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::half_open::SCENARIOS, scenario::request::SCENARIOS])
}

#[test]
fn rare_ends_have_the_reasons_that_the_wire_shows() -> Result<()> {
    check(&[scenario::rare::SCENARIOS])
}

#[test]
fn subflows_have_the_reasons_that_the_wire_shows() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    check(&[scenario::mptcp::SCENARIOS])
}

#[test]
fn mptcp_connections_end_as_their_subflows_do_on_the_wire() -> Result<()> {
    if skip::without_root() || skip::without_mptcp() {
        return Ok(());
    }
    for protocol in [Protocol::Tcp, Protocol::Mptcp] {
        let ends = check_protocol(&[scenario::mptcp::RESETS], protocol)?;
        ensure!(ends >= scenario::mptcp::RESETS.len(), "{ends} ends of {protocol:?}");
    }
    Ok(())
}

fn check(scenarios: &[&[Scenario]]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    check_protocol(scenarios, Protocol::Tcp).map(drop)
}

/// Runs the scenarios one after the other beside one trace and a capture, each in a network of its own, and checks the rows
/// of the protocol. Returns how many of them end a connection.
fn check_protocol(scenarios: &[&[Scenario]], protocol: Protocol) -> Result<usize> {
    let scenarios: Vec<Scenario> = scenarios.concat();
    let nets = scenarios.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let blocks: Vec<_> = nets.iter().map(|net| &net.addresses).collect();
    // It enables the time stamps long before the first scenario.
    let _early = nets.first().map(|net| Capture::start(&net.netns)).transpose()?;
    let mut oracle = Oracle::start(ORDINARY, &blocks)?;
    let tracer = Tracer::start(&[])?;
    let mut captures = Vec::new();
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let capture = net.netns.run(|| capture::during(&net.netns, || (scenario.run)(net)));
        captures.push(capture.with_context(|| format!("running {:?}", scenario.name))?);
    }
    // The tracepoint shows no half-open connection; the scenarios wait for their ends.
    history::completed(&mut oracle, &blocks)?;
    let rows = tracer.stop()?.rows()?;
    let mut ends = 0;
    let unix_offset_ns = capture::ahead_of_monotonic_ns();
    for ((scenario, net), captures) in scenarios.iter().zip(&nets).zip(&captures) {
        for capture in captures {
            let (netns, segments) = (capture.netns(), capture.read()?);
            let rows = rows.iter().filter(|row| {
                row.netns == Some(netns) && row.protocol() == protocol && row.belongs_to(&net.addresses)
            });
            ends += compare(scenario, rows, &segments, unix_offset_ns)
                .with_context(|| format!("after {:?}", scenario.name))?;
        }
    }
    Ok(ends)
}

/// Compares each row that ends a connection with the segments of its connection. Returns how many there are.
fn compare<'a>(
    scenario: &Scenario,
    rows: impl Iterator<Item = &'a Row>,
    segments: &[Segment],
    unix_offset_ns: i64,
) -> Result<usize> {
    let mut ends = 0;
    let mut connections: HashMap<_, Vec<&str>> = HashMap::new();
    for row in rows {
        if row.direction == Some(Direction::Listen) {
            continue;
        }
        let Some(remote) = row.remote() else { continue };
        let seen = connections.entry((row.local(), remote)).or_default();
        let nth = seen.iter().position(|conn| *conn == row.conn).unwrap_or(seen.len());
        if nth == seen.len() {
            seen.push(&row.conn);
        }
        // The end of TIME_WAIT is not the connection's.
        if row.old_state == "TIME_WAIT" {
            continue;
        }
        let evidence = if scenario.name == WITH_FORGED_SYN {
            WireEvidence::of_only_connection(row.local(), remote, segments)
        } else {
            WireEvidence::of(row.local(), remote, nth, segments)
        };
        if let Some(reason) = row.close_reason {
            ends += 1;
            let at_ns = i64::try_from(row.mono_ns)? + unix_offset_ns;
            evidence.check(reason, row.new_state, at_ns).with_context(|| format!("{row:#?}"))?;
        }
    }
    Ok(ends)
}
