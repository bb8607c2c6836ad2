//! The tables in /proc/net.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{
    netstat::linux::{routes::table, sockets::unix::table as unix, statistics::counters},
    readers::proc_net::{InetEntry, for_each_line},
};

/// /proc/net/tcp, udp, tcp6 and the like, route, ipv6_route, unix, snmp and snmp6.
pub fn proc_net(input: &[u8]) {
    inet_sockets(input);
    unix_sockets(input);
    let name = input.get(..input.len().min(15)).unwrap_or_default();
    // `dev_valid_name` (net/core/dev.c).
    if !name.is_empty() && !name.iter().any(|byte| b"\0/: \t\n\x0b\x0c\r\xa0".contains(byte)) {
        routes_by(name);
    }
    for line in input.split(|byte| *byte == b'\n') {
        if let Some(route) = table::route(line) {
            assert!(route.interface.is_none_or(|name| line.starts_with(name.as_bytes())));
        }
        if let Some(route) = table::route6(line) {
            let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            assert!(route.interface.is_none_or(|name| last.starts_with(name.as_bytes()) || last.is_empty()));
        }
    }
    if let Ok(text) = str::from_utf8(input) {
        counters_of(text);
    }
}

/// A name with any bytes that the kernel allows is read as it is.
fn routes_by(name: &[u8]) {
    let line = [name, b"\t0001000A\t0102A8C0\t0003\t0\t0\t100\t00FFFFFF\t0\t0\t0   "].concat();
    let interface = table::route(&line).expect("a route").interface;
    // The kernel's sign for no interface.
    assert_eq!(interface.as_ref().map(|name| name.as_bytes()), Some(name).filter(|name| *name != b"*"));
    let zeros = "0".repeat(32);
    let line = format!("{zeros} 00 {zeros} 00 {zeros} 00000100 00000001 00000000 00000001 ");
    let line = [line.as_bytes(), &b"        "[name.len().min(8)..], name].concat();
    let interface = table::route6(&line).expect("a route").interface;
    assert_eq!(interface.as_ref().map(|name| name.as_bytes()), Some(name));
}

/// Each line after the title is a socket, or is counted as lost.
fn unix_sockets(text: &[u8]) {
    let (mut sockets, lost) = unix::sockets(text, 7);
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').count() - 1;
    assert_eq!(sockets.len() + lost, lines);
    unix::count_references(text, &mut sockets);
}

/// The counters of two texts, one after the other, are those of both.
fn counters_of(text: &str) {
    let udp = "Udp: InDatagrams NoPorts\nUdp: 3 4\n";
    let separate = format!("{text}\n: \n{udp}");
    let together = counters::parse_pairs(&separate);
    assert_eq!(together.last(), counters::parse_pairs(udp).last());
    let groups = counters::parse_lines(text);
    let lines = text.lines().count();
    assert!(groups.iter().map(|group| group.counters.len()).sum::<usize>() <= lines);
    assert!(groups.iter().all(|group| group.counters.iter().all(|(name, _)| name.starts_with(&group.title))));
}

/// Whole lines are read, and a socket is what the kernel prints for it.
fn inet_sockets(input: &[u8]) {
    let mut lines = Vec::new();
    let read = for_each_line(input, |line| {
        lines.push(line.to_vec());
        io::Result::Ok(())
    });
    let mut expected: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    // A table that is cut off is an error, but for its whole lines.
    assert_eq!(read.is_ok(), expected.pop() == Some(b"") && !expected.is_empty());
    let expected = expected.get(1..).unwrap_or_default();
    assert_eq!(lines, expected);
    for is_ipv6 in [false, true] {
        for line in &lines {
            let Some(entry) = InetEntry::parse(line, is_ipv6) else { continue };
            assert_eq!((entry.local.is_ipv6(), entry.remote.is_ipv6()), (is_ipv6, is_ipv6));
            let again = as_the_kernel_prints(&entry);
            assert_eq!(InetEntry::parse(again.as_bytes(), is_ipv6), Some(entry), "{again}");
        }
    }
}

/// A line like those of `get_tcp4_sock` and `get_tcp6_sock` (net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c).
fn as_the_kernel_prints(entry: &InetEntry) -> String {
    let InetEntry { local, remote, state, send_q, recv_q, timer, uid, inode } = entry;
    format!(
        "{:4}: {} {} {state:02X} {send_q:08X}:{recv_q:08X} {:02X}:{:08X} {:08X} {uid:5} {:8} {inode} 1 0 20 4 30 10 -1",
        7,
        address(local),
        address(remote),
        timer.kind,
        timer.ticks,
        timer.retransmits,
        timer.probes
    )
}

fn address(address: &SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    let words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
    let words: String = words.map(|word| format!("{word:08X}")).collect();
    format!("{words}:{:04X}", address.port())
}
