//! The harness itself: what it claims of the kernel holds, or no comparison means anything.

use std::time::{Duration, Instant};

use anyhow::Result;
use netstat_tests::{
    block::Block,
    netns::Namespace,
    oracle::{ORDINARY, Oracle},
    proc_tcp,
    relay::Relay,
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
    let block = Block::claim()?;
    let mut oracle = Oracle::start(ORDINARY, &[&block])?;
    Namespace::new()?.run(|| {
        let listener = Sock::listening(block.server(), 1)?;
        let client = Sock::connected(block.server())?;
        let server = listener.accept()?;
        client.close();
        server.receive_fin()
    })?;
    let steps: Vec<_> = oracle
        .read()?
        .into_iter()
        .filter(|record| block.contains(record.local.ip()) && record.local.port() == block.port())
        .map(|record| (record.old, record.new))
        .collect();
    let server = [
        ("CLOSE", "LISTEN"),
        ("LISTEN", "SYN_RECV"),
        ("SYN_RECV", "ESTABLISHED"),
        ("ESTABLISHED", "CLOSE_WAIT"),
    ];
    assert_eq!(steps[..4], server);
    Ok(())
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
