//! Forged IPv4 packets: a TCP segment of somebody else's connection, and an ICMP error about a packet.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, bail};

const IPPROTO_ICMP: u8 = 1;
const IPPROTO_TCP: u8 = 6;
const TCP_HEADER_BYTES: u8 = 20;
/// An ICMP error quotes the IP header and eight bytes of what follows (RFC 792).
const QUOTED_BYTES: usize = 28;

/// A TCP segment without data and options.
pub fn segment(from: SocketAddr, to: SocketAddr, seq: u32, ack: u32, flags: u8) -> Result<Vec<u8>> {
    let mut segment = Vec::new();
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([(TCP_HEADER_BYTES / 4) << 4, flags]);
    segment.extend(u16::MAX.to_be_bytes());
    segment.extend([0; 4]);
    let (from, to) = (octets(from.ip())?, octets(to.ip())?);
    let mut pseudo_header = [from, to].concat();
    pseudo_header.extend([0, IPPROTO_TCP, 0, TCP_HEADER_BYTES]);
    let sum = checksum(&[pseudo_header, segment.clone()].concat());
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    packet(from, to, IPPROTO_TCP, &segment)
}

/// An ICMP error of this type and code about a packet, for its sender.
pub fn icmp_error(from: IpAddr, kind: u8, code: u8, about: &[u8]) -> Result<Vec<u8>> {
    let Some(quoted) = about.get(..QUOTED_BYTES) else { bail!("no IPv4 packet: {about:?}") };
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend(quoted);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let to = [quoted[12], quoted[13], quoted[14], quoted[15]];
    packet(octets(from)?, to, IPPROTO_ICMP, &message)
}

fn packet(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(20 + payload.len())?.to_be_bytes();
    let mut header = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    header.extend([from, to].concat());
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    Ok(header)
}

fn octets(addr: IpAddr) -> Result<[u8; 4]> {
    match addr.to_canonical() {
        IpAddr::V4(v4) => Ok(v4.octets()),
        IpAddr::V6(v6) => bail!("{v6} is no IPv4 address"),
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
