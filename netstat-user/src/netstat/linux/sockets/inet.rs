//! Internet sockets from /proc/net/tcp, udp, udplite and raw, and their IPv6 counterparts: text, with fewer facts than
//! sock_diag has.

use std::{fs::File, io};

use anyhow::{Context as _, Result};

use crate::{
    netstat::linux::{
        notes::Notes,
        socket::{InetSocket, Proto, Transport},
    },
    readers::proc_net::{self, InetEntry, Timer},
};

const TCP: Proto = Proto { transport: Transport::Tcp, ipv6: false };

/// The sockets of the calling thread's network namespace. A protocol that the kernel lacks has none; a malformed line is
/// left out and counted.
pub fn read(proto: Proto, netns: u32, notes: &Notes) -> Result<Vec<InetSocket>> {
    let path = proc_net::own(file(proto));
    let table = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && proto != TCP => return Ok(Vec::new()),
        table => table,
    };
    let (mut sockets, mut lost) = (Vec::new(), 0);
    let read = table.and_then(|table| {
        proc_net::for_each_line(table, |line| {
            match InetEntry::parse(line, proto.ipv6) {
                Some(entry) => sockets.push(socket(entry, proto, netns)),
                None => lost += 1,
            }
            Ok(())
        })
    });
    read.with_context(|| format!("can't read {}", path.display()))?;
    notes.lines_lost(&path, lost);
    Ok(sockets)
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
    InetSocket {
        proto,
        local,
        remote,
        state,
        recv_q,
        send_q,
        accept_queue: None,
        timer,
        uid,
        inode,
        interface: None,
        netns,
    }
}
