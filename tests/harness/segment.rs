//! A captured TCP segment: who sent it to whom, and its flags.

use std::net::{IpAddr, SocketAddr};

/// Bits of the flags' byte (RFC 9293, section 3.1).
pub mod flag {
    /// The sender closes.
    pub const FIN: u8 = 1;
    /// The first segment of each direction.
    pub const SYN: u8 = 2;
    /// The sender knows no such connection, or ends it.
    pub const RST: u8 = 4;
    /// The acknowledgment number is valid.
    pub const ACK: u8 = 16;
}

const IPPROTO_TCP: u8 = 6;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it was captured: CLOCK_REALTIME, nanoseconds.
    pub at_ns: i64,
    /// Its sender.
    pub from: SocketAddr,
    /// Its receiver.
    pub to: SocketAddr,
    /// The bits of [`flag`].
    pub flags: u8,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number.
    pub ack: u32,
    /// How many bytes of data it carries.
    pub length: u32,
}

impl Segment {
    /// Parses an IP packet; None if it is no TCP segment, or has IPv6 extension headers.
    pub fn parse(packet: &[u8], at_ns: i64) -> Option<Self> {
        let half = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
        let (protocol, from, to, segment, bytes) = match packet.first()? >> 4 {
            4 => {
                let header = usize::from(packet.first()? & 15) * 4;
                let address =
                    |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
                let bytes = usize::from(half(2)?).saturating_sub(header);
                (*packet.get(9)?, address(12)?, address(16)?, packet.get(header..)?, bytes)
            }
            6 => {
                let address =
                    |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?));
                (*packet.get(6)?, address(8)?, address(24)?, packet.get(40..)?, usize::from(half(4)?))
            }
            _ => return None,
        };
        let port = |at: usize| Some(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?));
        let number = |at: usize| Some(u32::from_be_bytes(segment.get(at..at + 4)?.try_into().ok()?));
        (protocol == IPPROTO_TCP).then_some(Self {
            at_ns,
            from: SocketAddr::new(from.to_canonical(), port(0)?),
            to: SocketAddr::new(to.to_canonical(), port(2)?),
            flags: *segment.get(13)?,
            seq: number(4)?,
            ack: number(8)?,
            length: u32::try_from(bytes.saturating_sub(usize::from(*segment.get(12)? >> 4) * 4)).ok()?,
        })
    }

    /// Whether it has the flag.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
