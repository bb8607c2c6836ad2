//! Tests of the harness: without what it assumes of the kernel, no comparison would mean anything.

#![cfg(target_os = "linux")]

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use netstat_tests::{
    address_block::AddressBlock,
    compare,
    history::{self, History, Transition},
    netns::Namespace,
    normalization::Comparison,
    oracle::{ORDINARY, Oracle, Protocol},
    proc_tcp,
    relay::Relay,
    scenario::{CLIENT_ACTIVE_CLOSE, LISTENER, SERVER_PASSIVE_CLOSE, TestNet},
    segment::{Segment, flag},
    skip,
    sock::Sock,
    unobserved::{TooMany, Unobserved},
    wire_evidence::WireEvidence,
};

#[test]
fn two_address_blocks_have_no_address_in_common() -> Result<()> {
    let (one, other) = (AddressBlock::claim()?, AddressBlock::claim()?);
    for host in [0, 1, 255] {
        assert!(
            one.contains(one.loopback(host)) && one.contains(one.link(host)) && one.contains(one.v6(host))
        );
        assert!(!other.contains(one.loopback(host)));
        assert!(!other.contains(one.link(host)));
        assert!(!other.contains(one.v6(host)));
    }
    Ok(())
}

/// Each kind of end on the wire, and the only reasons that agree with it.
#[test]
fn the_wire_contradicts_every_wrong_close_reason() -> Result<()> {
    use netstat_tests::event::CloseReason::{self, *};
    const ALL: [CloseReason; 13] = [
        FinLocal,
        FinRemote,
        FinBoth,
        ResetReceived,
        ResetSent,
        Refused,
        Timeout,
        Unreachable,
        Aborted,
        Expired,
        NoPort,
        Abandoned,
        Unknown,
    ];
    const MILLISECOND: i64 = 1_000_000;
    let (local, remote): (SocketAddr, SocketAddr) = ("10.0.0.1:1".parse()?, "10.0.0.2:2".parse()?);
    let sent = |ms: i64, flags: u8, seq: u32, ack: u32| Segment {
        at_ns: ms * MILLISECOND,
        from: local,
        to: remote,
        flags,
        seq,
        ack,
        length: 0,
    };
    let received = |ms, flags, seq, ack| Segment { from: remote, to: local, ..sent(ms, flags, seq, ack) };
    let handshake =
        [sent(1, flag::SYN, 0, 0), received(2, flag::SYN | flag::ACK, 0, 1), sent(3, flag::ACK, 1, 1)];
    let fin = flag::FIN | flag::ACK;
    // The row is at 10 ms.
    let established: [(&[Segment], &[CloseReason]); 6] = [
        (&[sent(5, fin, 1, 1), received(10, fin, 1, 2)], &[FinLocal, Timeout, Aborted, Expired]),
        (&[received(5, fin, 1, 1), sent(8, fin, 1, 2)], &[FinRemote, Timeout, Aborted, Expired]),
        (&[sent(5, fin, 1, 1), received(6, fin, 1, 1)], &[FinBoth, Timeout, Aborted, Expired]),
        (&[received(10, flag::RST, 1, 1)], &[ResetReceived]),
        (&[sent(10, flag::RST, 1, 1)], &[ResetSent, Timeout, Aborted, Expired]),
        // The RST follows the FIN, and answers nothing that came after the end.
        (
            &[sent(5, fin, 1, 1), received(6, flag::ACK, 1, 2), sent(10, flag::RST, 2, 1)],
            &[ResetSent, Timeout, Aborted, Expired],
        ),
    ];
    let unanswered = [sent(1, flag::SYN, 0, 0), sent(5, flag::SYN, 0, 0)];
    let refused = [sent(1, flag::SYN, 0, 0), received(10, flag::RST | flag::ACK, 0, 1)];
    let mut cases: Vec<(Vec<Segment>, &[CloseReason])> =
        established.iter().map(|(end, reasons)| ([&handshake[..], end].concat(), *reasons)).collect();
    cases.push((unanswered.to_vec(), &[Refused, Unreachable, Timeout, Aborted, Expired, Abandoned]));
    cases.push((refused.to_vec(), &[ResetReceived, Refused, Unreachable]));
    cases.push((Vec::new(), &[Refused, Unreachable, Timeout, Aborted, Expired, NoPort, Abandoned]));
    for (segments, agreeing) in cases {
        let wire = WireEvidence::of_only_connection(local, remote, &segments);
        for reason in ALL {
            let outcome = wire.check(reason, "CLOSE", 10 * MILLISECOND);
            assert_eq!(outcome.is_ok(), agreeing.contains(&reason), "{reason:?}: {segments:#?}");
        }
    }
    Ok(())
}

#[test]
fn a_namespace_has_its_own_loopback_and_settings() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (netns, there) = (Namespace::new()?, Namespace::new()?);
    assert_ne!(netns.inum()?, there.inum()?);
    netns.sysctl("ipv4/tcp_syncookies", "2")?;
    let address = "127.0.0.1:1".parse()?;
    netns.run(|| Sock::listening(address, 1).map(|_| ()))?;
    let read = || Ok(std::fs::read_to_string("/proc/sys/net/ipv4/tcp_syncookies")?);
    assert_eq!(netns.run(read)?.trim(), "2");
    assert_ne!(there.run(read)?.trim(), "2");
    Ok(())
}

#[test]
fn the_oracle_records_every_transition_in_order() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut paths: Vec<String> = record_of_a_connection()?.iter().map(History::path).collect();
    paths.sort();
    let mut expected = [LISTENER, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE];
    expected.sort_unstable();
    assert_eq!(paths, expected);
    Ok(())
}

#[test]
fn the_comparison_finds_every_kind_of_difference() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let record = record_of_a_connection()?;
    let none = Unobserved::default();
    compare::same_histories(&record, &record, UNCHANGED, &none)?;
    let changes: [fn(&mut Vec<History>); 7] = [
        |histories| histories.truncate(2),
        |histories| histories.push(histories[0].clone()),
        |histories| histories[1].transitions.truncate(2),
        |histories| histories[1].transitions.swap(1, 2),
        |histories| histories[1].transitions[1].new = "CLOSING",
        |histories| histories[1].transitions[1].local.set_port(1),
        |histories| histories[1].transitions[0].mono_ns /= 2,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = record.clone();
        change(&mut changed);
        let outcome = compare::same_histories(&record, &changed, UNCHANGED, &none);
        assert!(outcome.is_err(), "change {number} wasn't found");
    }
    Ok(())
}

/// A comparison that changes neither side.
const UNCHANGED: Comparison = Comparison { record: &[], output: &[], max_unobserved: 0 };

/// A thread in whose context no program runs, in a forged record.
const PROTECTED: u32 = 1;

/// A forged record of so many connections. The first `unobserved` of them have a transition in the context of
/// [`PROTECTED`].
fn forged_record(connections: u16, unobserved: u16) -> Result<Vec<History>> {
    let server = "127.0.0.1:80".parse()?;
    let history = |number: u16| {
        let local = (Ipv4Addr::LOCALHOST, 1000 + number).into();
        let transition = |old, new, mono_ns, thread| Transition {
            mono_ns: u64::from(number) * 10 + mono_ns,
            local,
            remote: Some(server),
            old,
            new,
            thread: Some(thread),
        };
        let thread = if number < unobserved { PROTECTED } else { 1000 };
        let transitions = [("CLOSE", "SYN_SENT", 1, 1000), ("SYN_SENT", "CLOSE", 2, thread)];
        let transitions =
            transitions.map(|(old, new, mono_ns, thread)| transition(old, new, mono_ns, thread));
        History { protocol: Protocol::Tcp, transitions: transitions.into() }
    };
    Ok((0..connections).map(history).collect())
}

/// Compares a forged record with an output that lacks the first `missing` connections.
fn compare_forged(unobserved: u16, missing: usize, at_most: usize) -> Result<()> {
    let record = forged_record(4, unobserved)?;
    let left_out = Unobserved::in_context_of(&HashSet::from([PROTECTED]), &record, at_most)?;
    compare::same_histories(&record, &record[missing..], UNCHANGED, &left_out)
}

#[test]
fn a_comparison_leaves_out_no_more_connections_than_the_scenario_allows() -> Result<()> {
    compare_forged(0, 0, 0)?;
    compare_forged(1, 1, 1)?;
    compare_forged(2, 1, 3)?;
    for (unobserved, at_most) in [(1, 0), (3, 2), (4, 4)] {
        let error = compare_forged(unobserved, unobserved.into(), at_most).err().context("it passed")?;
        assert!(error.is::<TooMany>() && format!("{error}").contains("thread 1"), "{error:#}");
    }
    Ok(())
}

#[test]
fn a_connection_is_left_out_only_with_evidence_that_no_program_observed_it() -> Result<()> {
    // One more is missing than the record gives evidence for.
    let error = compare_forged(1, 2, 3).err().context("it passed")?;
    assert!(error.to_string().starts_with("1 connections differ"), "{error:#}");
    Ok(())
}

#[test]
fn an_invented_connection_is_found_although_its_tuple_is_left_out() -> Result<()> {
    let record = forged_record(4, 1)?;
    let left_out = Unobserved::in_context_of(&HashSet::from([PROTECTED]), &record, 1)?;
    let output = [record.as_slice(), &record[..1]].concat();
    assert!(compare::same_histories(&record, &output, UNCHANGED, &left_out).is_err());
    Ok(())
}

fn record_of_a_connection() -> Result<Vec<History>> {
    let net = TestNet::new()?;
    let mut oracle = Oracle::start(ORDINARY, &[&net.addresses])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    history::completed(&mut oracle, &[&net.addresses])
}

#[test]
fn the_relay_delays_or_drops_packets() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let addresses = AddressBlock::claim()?;
    let (near, far) = (Namespace::new()?, Namespace::new()?);
    let delay = Duration::from_millis(20);
    let relay = Relay::between((&near, addresses.link(1)), (&far, addresses.link(2)), delay)?;
    let address = (addresses.link(2), addresses.port()).into();
    let listener = far.run(|| Sock::listening(address, 8))?;
    let begin = Instant::now();
    let client = near.run(|| Sock::connected(address))?;
    assert!(begin.elapsed() >= 2 * delay, "the handshake took {:?}", begin.elapsed());
    let server = listener.accept()?;

    relay.cut_forward(true);
    client.send(b"lost")?;
    let late = near.run(|| Sock::tcp(address))?;
    late.start_connect(address)?;
    assert_eq!(late.state()?, "SYN_SENT");
    assert_eq!(far.run(|| proc_tcp::count(addresses.port(), "ESTABLISHED"))?, 1);
    relay.cut_forward(false);
    server.receive(4)?;
    late.wait_for("ESTABLISHED")
}
