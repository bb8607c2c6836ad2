//! The tables of Internet sockets in /proc/net.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::readers::proc_net::{InetEntry, for_each_line};

/// /proc/net/tcp, udp, tcp6 and the like.
pub fn proc_net(input: &[u8]) {
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
