//! /proc/net/tcp and its like: one line a socket (`tcp4_seq_show`, net/ipv4/tcp_ipv4.c, and its relatives).

use std::{
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anyhow::{Context as _, Result};

use super::Fields;
use crate::netstat::linux::socket::{End, InetSocket, Proto, Timer, Transport};

/// Appends the sockets of the calling thread's network namespace; a protocol that the kernel lacks has none.
pub fn read(proto: Proto, netns: u32, into: &mut Vec<InetSocket>) -> Result<()> {
    let path = format!("/proc/thread-self/net/{}", file(proto));
    let text = match contents(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && proto != TCP => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("can't read {path}")),
    };
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    into.extend(lines.filter_map(|line| socket(line, proto, netns)));
    Ok(())
}

const TCP: Proto = Proto { transport: Transport::Tcp, ipv6: false };

fn file(proto: Proto) -> &'static str {
    match (proto.transport, proto.ipv6) {
        (Transport::UdpLite, false) => "udplite",
        (Transport::UdpLite, true) => "udplite6",
        _ => proto.name(),
    }
}

/// The kernel gives as much at once as is asked for, from 4 KiB on.
pub fn contents(path: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(64 << 10);
    File::open(path)?.read_to_end(&mut text)?;
    Ok(text)
}

/// None if the line is torn or empty.
fn socket(line: &[u8], proto: Proto, netns: u32) -> Option<InetSocket> {
    let mut fields = Fields::new(line);
    fields.skip()?;
    let local = end(&mut fields, proto)?;
    let remote = end(&mut fields, proto)?;
    let state = fields.hex_value()?;
    let send_q = fields.hex_value()?;
    fields.colon()?;
    let recv_q = fields.hex_value()?;
    let kind = fields.hex_value()?;
    fields.colon()?;
    let ticks = fields.hex_value()?;
    let retransmits = fields.hex_value()?;
    let uid = fields.decimal()?;
    let probes = fields.decimal()?;
    let inode = fields.decimal()?;
    // Of anything but TCP the field is always zero, whatever the kernel leaves in it.
    let retransmits = if proto.transport == Transport::Tcp { retransmits } else { 0 };
    let timer = Timer { kind, ticks, retransmits, probes };
    Some(InetSocket { proto, local, remote, state, recv_q, send_q, timer, uid, inode, netns })
}

fn end(fields: &mut Fields<'_>, proto: Proto) -> Option<End> {
    let addr = if proto.ipv6 {
        let bytes: [u8; 16] = fields.words::<4>()?.concat().try_into().ok()?;
        IpAddr::V6(Ipv6Addr::from(bytes))
    } else {
        let [bytes] = fields.words::<1>()?;
        IpAddr::V4(Ipv4Addr::from(bytes))
    };
    fields.colon()?;
    Some(End { addr, port: fields.hex_value()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: &[u8] = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0";
    const TCP6: Proto = Proto { transport: Transport::Tcp, ipv6: true };

    #[test]
    fn a_line_is_a_socket() {
        let socket = socket(LISTENER, TCP, 7).unwrap();
        assert_eq!(socket.local, End { addr: "127.0.0.1".parse().unwrap(), port: 8080 });
        assert!(socket.remote.addr.is_unspecified());
        assert_eq!((socket.state_name(), socket.recv_q, socket.send_q), ("LISTEN", 2, 0));
        assert_eq!((socket.uid, socket.inode, socket.netns), (1000, 31337, 7));
    }

    #[test]
    fn an_ipv6_line_has_its_address_in_network_order() {
        let line = b"   1: 0000000000000000FFFF00000100007F:0050 B80D01200000000000000000010000FF:C001 01 00000001:00000000 02:00000E10 00000000     0        3 99 2 ffff 20 4 24 10 -1";
        let socket = socket(line, TCP6, 7).unwrap();
        assert_eq!(socket.local.addr.to_string(), "::ffff:127.0.0.1");
        assert_eq!(socket.remote.addr.to_string(), "2001:db8::ff00:1");
        assert_eq!(socket.timer, Timer { kind: 2, ticks: 3600, retransmits: 0, probes: 3 });
        assert_eq!((socket.send_q, socket.state_name()), (1, "ESTABLISHED"));
    }

    #[test]
    fn a_torn_line_is_left_out_wherever_it_is_torn() {
        let inode_ends = LISTENER.windows(5).position(|text| text == b"31337").unwrap();
        for length in 0..inode_ends {
            assert_eq!(socket(&LISTENER[..length], TCP, 7), None, "{length}");
        }
        assert_eq!(socket(LISTENER, TCP6, 7), None);
    }
}
