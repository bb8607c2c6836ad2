//! The harness itself: what it claims of the kernel holds, or no comparison means anything.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use anyhow::Result;
use netstat_tests::{
    block::Block,
    compare,
    lives::{self, Life},
    netns::Namespace,
    oracle::{ORDINARY, Oracle},
    proc_tcp,
    refinement::Rules,
    relay::Relay,
    scenario::{CLIENT_CLOSES, LISTENER, Place, SERVER_FOLLOWS},
    skip,
    sock::Sock,
};

#[test]
fn no_two_blocks_share_an_address() -> Result<()> {
    let (one, other) = (Block::claim()?, Block::claim()?);
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

#[test]
fn a_namespace_has_a_loopback_and_settings_of_its_own() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (here, there) = (Namespace::new()?, Namespace::new()?);
    assert_ne!(here.inum()?, there.inum()?);
    here.sysctl("ipv4/tcp_syncookies", "2")?;
    let address = "127.0.0.1:1".parse()?;
    here.run(|| Sock::listening(address, 1).map(|_| ()))?;
    let read = || Ok(std::fs::read_to_string("/proc/sys/net/ipv4/tcp_syncookies")?);
    assert_eq!(here.run(read)?.trim(), "2");
    assert_ne!(there.run(read)?.trim(), "2");
    Ok(())
}

#[test]
fn the_oracle_shows_a_connection_s_every_step_in_order() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut paths: Vec<String> = record_of_a_connection()?.iter().map(Life::path).collect();
    paths.sort();
    let mut expected = [LISTENER, CLIENT_CLOSES, SERVER_FOLLOWS];
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
    let rules = Rules { record: &[], output: &[] };
    compare::same_lives(&record, &record, rules)?;
    let changes: [fn(&mut Vec<Life>); 7] = [
        |lives| lives.truncate(2),
        |lives| lives.push(lives[0].clone()),
        |lives| lives[1].steps.truncate(2),
        |lives| lives[1].steps.swap(1, 2),
        |lives| lives[1].steps[1].new = "CLOSING",
        |lives| lives[1].steps[1].local.set_port(1),
        |lives| lives[1].steps[0].mono_ns /= 2,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = record.clone();
        change(&mut changed);
        assert!(compare::same_lives(&record, &changed, rules).is_err(), "change {number} wasn't found");
    }
    Ok(())
}

fn record_of_a_connection() -> Result<Vec<Life>> {
    let place = Place::new()?;
    let mut oracle = Oracle::start(ORDINARY, &[&place.block])?;
    place.here.run(|| place.pair()?.client_closes())?;
    lives::completed(&mut oracle, &[&place.block])
}

#[test]
fn the_relay_carries_packets_late_or_not_at_all() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let block = Block::claim()?;
    let (near, far) = (Namespace::new()?, Namespace::new()?);
    let delay = Duration::from_millis(20);
    let relay = Relay::between((&near, block.link(1)), (&far, block.link(2)), delay)?;
    let address = (block.link(2), block.port()).into();
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
    assert_eq!(far.run(|| proc_tcp::count(block.port(), "ESTABLISHED"))?, 1);
    relay.cut_forward(false);
    server.receive(4)?;
    late.wait_for("ESTABLISHED")
}
