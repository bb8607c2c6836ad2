//! Internet sockets from /proc/net/tcp, udp, udplite and raw, and their IPv6 counterparts.

use std::{fs::File, io};

use anyhow::{Context as _, Result};

use crate::{
    netstat::linux::socket::{InetSocket, Proto, Transport},
    readers::proc_net::{self, InetEntry, Timer},
};

const TCP: Proto = Proto { transport: Transport::Tcp, ipv6: false };

/// Appends the sockets of the calling thread's network namespace. A protocol that the kernel lacks has none; a malformed
/// line is skipped.
pub fn read(proto: Proto, netns: u32, sockets: &mut Vec<InetSocket>) -> Result<()> {
    let path = proc_net::own(file(proto));
    let table = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && proto != TCP => return Ok(()),
        table => table,
    };
    let read = table.and_then(|table| {
        proc_net::for_each_line(table, |line| {
            sockets.extend(InetEntry::parse(line, proto.ipv6).map(|entry| socket(entry, proto, netns)));
            Ok(())
        })
    });
    read.with_context(|| format!("can't read {}", path.display()))
}

fn file(proto: Proto) -> &'static str {
    match (proto.transport, proto.ipv6) {
        (Transport::UdpLite, false) => "udplite",
        (Transport::UdpLite, true) => "udplite6",
        _ => proto.name(),
    }
}

fn socket(entry: InetEntry, proto: Proto, netns: u32) -> InetSocket {
    let InetEntry { local, remote, state, send_q, recv_q, timer, uid, inode } = entry;
    // Only TCP counts retransmissions; netstat shows 0 for the others, whatever the kernel prints there.
    let retransmits = if proto.transport == Transport::Tcp { timer.retransmits } else { 0 };
    let timer = Timer { retransmits, ..timer };
    InetSocket { proto, local, remote, state, recv_q, send_q, timer, uid, inode, netns }
}
