//! Reads the counters of `GetIpStatisticsEx` and similar functions; each has its text in Windows' netstat and its SNMP name.

use std::{io, mem::MaybeUninit};

use anyhow::{Context as _, Result};
use windows_sys::Win32::{
    Foundation::{ERROR_NOT_SUPPORTED, NO_ERROR},
    NetworkManagement::IpHelper::{
        GetIcmpStatisticsEx, GetIpStatisticsEx, GetTcpStatisticsEx, GetUdpStatisticsEx, MIB_ICMP_EX_XPSP1,
        MIB_IPSTATS_LH, MIB_TCPSTATS_LH, MIB_UDPSTATS,
    },
    Networking::WinSock::{AF_INET, AF_INET6},
};

use crate::netstat::windows::options::Protocol;

/// A protocol's counters.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// Its title in Windows' netstat.
    pub title: &'static str,
    /// Its name in JSON: the one of /proc/net/snmp on Linux, with a 6 for IPv6.
    pub group: &'static str,
    /// Its counters.
    pub counters: Counters,
}

/// Counters, each with its text in Windows' netstat and its SNMP name.
#[derive(Debug, PartialEq, Eq)]
pub enum Counters {
    /// One value for each counter.
    Single {
        /// The counters.
        counts: Vec<(&'static str, &'static str, u32)>,
        /// The width of the column of texts.
        width: usize,
    },
    /// Two values for each counter: received and sent.
    ReceivedAndSent(Vec<(&'static str, &'static str, [u32; 2])>),
}

/// The order of the sections in Windows' netstat.
const ORDER: [Protocol; 8] = [
    Protocol::Ip,
    Protocol::Ipv6,
    Protocol::Icmp,
    Protocol::Icmpv6,
    Protocol::Tcp,
    Protocol::Tcpv6,
    Protocol::Udp,
    Protocol::Udpv6,
];

/// ICMP messages: text, SNMP name and type (RFC 792, 950, 1256), in the order of Windows' netstat.
const ICMP: &[(&str, &str, usize)] = &[
    ("Destination Unreachable", "DestUnreachs", 3),
    ("Time Exceeded", "TimeExcds", 11),
    ("Parameter Problems", "ParmProbs", 12),
    ("Source Quenches", "SrcQuenchs", 4),
    ("Redirects", "Redirects", 5),
    ("Echo Replies", "EchoReps", 0),
    ("Echos", "Echos", 8),
    ("Timestamps", "Timestamps", 13),
    ("Timestamp Replies", "TimestampReps", 14),
    ("Address Masks", "AddrMasks", 17),
    ("Address Mask Replies", "AddrMaskReps", 18),
    ("Router Solicitations", "RouterSolicits", 10),
    ("Router Advertisements", "RouterAdvertisements", 9),
];

/// ICMPv6 messages: text, SNMP name and type (RFC 4443, 2710, 4861, 2894).
const ICMP6: &[(&str, &str, usize)] = &[
    ("Destination Unreachable", "DestUnreachs", 1),
    ("Packet Too Big", "PktTooBigs", 2),
    ("Time Exceeded", "TimeExcds", 3),
    ("Parameter Problems", "ParmProblems", 4),
    ("Echos", "Echos", 128),
    ("Echo Replies", "EchoReplies", 129),
    ("MLD Queries", "GroupMembQueries", 130),
    ("MLD Reports", "GroupMembResponses", 131),
    ("MLD Dones", "GroupMembReductions", 132),
    ("Router Solicitations", "RouterSolicits", 133),
    ("Router Advertisements", "RouterAdvertisements", 134),
    ("Neighbor Solicitations", "NeighborSolicits", 135),
    ("Neighbor Advertisements", "NeighborAdvertisements", 136),
    ("Redirects", "Redirects", 137),
    ("Router Renumberings", "RouterRenumberings", 138),
];

/// The counters of one protocol, or of all. Those of IPv6 are left out of all if this host has no IPv6.
///
/// # Errors
/// The counters can't be read.
pub fn read(only: Option<Protocol>) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for protocol in ORDER.into_iter().filter(|protocol| only.is_none_or(|only| only == *protocol)) {
        match section(protocol) {
            Err(error) if only.is_none() && is_absent(protocol, &error) => {}
            section => {
                let what = || format!("cannot read Windows' counters of {}", protocol.name());
                sections.push(section.with_context(what)?);
            }
        }
    }
    Ok(sections)
}

/// Whether the error means that the host has no IPv6.
fn is_absent(protocol: Protocol, error: &io::Error) -> bool {
    let is_ipv6 = matches!(protocol, Protocol::Ipv6 | Protocol::Icmpv6 | Protocol::Tcpv6 | Protocol::Udpv6);
    is_ipv6 && error.raw_os_error() == Some(ERROR_NOT_SUPPORTED.cast_signed())
}

fn section(protocol: Protocol) -> io::Result<Section> {
    let (v4, v6) = (u32::from(AF_INET), u32::from(AF_INET6));
    let section = |title, group, counters| Section { title, group, counters };
    Ok(match protocol {
        Protocol::Ip => section("IPv4 Statistics", "Ip", ip(v4)?),
        Protocol::Ipv6 => section("IPv6 Statistics", "Ip6", ip(v6)?),
        Protocol::Icmp => section("ICMPv4 Statistics", "Icmp", icmp(v4, ICMP)?),
        Protocol::Icmpv6 => section("ICMPv6 Statistics", "Icmp6", icmp(v6, ICMP6)?),
        Protocol::Tcp => section("TCP Statistics for IPv4", "Tcp", tcp(v4)?),
        Protocol::Tcpv6 => section("TCP Statistics for IPv6", "Tcp6", tcp(v6)?),
        Protocol::Udp => section("UDP Statistics for IPv4", "Udp", udp(v4)?),
        Protocol::Udpv6 => section("UDP Statistics for IPv6", "Udp6", udp(v6)?),
    })
}

/// The structure that `call` writes for the address family.
///
/// # Safety
/// `call` must write nothing but a `T`, and every bit pattern must be a valid `T`.
unsafe fn read_struct<T>(call: unsafe extern "system" fn(*mut T, u32) -> u32, family: u32) -> io::Result<T> {
    let mut counters = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller guarantees that `call` writes only a `T`, and that zeros are a valid `T`.
    unsafe {
        match call(counters.as_mut_ptr(), family) {
            NO_ERROR => Ok(counters.assume_init()),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }
}

fn ip(family: u32) -> io::Result<Counters> {
    // SAFETY: the function writes this structure, which consists of integers.
    let ip = unsafe { read_struct::<MIB_IPSTATS_LH>(GetIpStatisticsEx, family)? };
    let counts = vec![
        ("Packets Received", "InReceives", ip.dwInReceives),
        ("Received Header Errors", "InHdrErrors", ip.dwInHdrErrors),
        ("Received Address Errors", "InAddrErrors", ip.dwInAddrErrors),
        ("Datagrams Forwarded", "ForwDatagrams", ip.dwForwDatagrams),
        ("Unknown Protocols Received", "InUnknownProtos", ip.dwInUnknownProtos),
        ("Received Packets Discarded", "InDiscards", ip.dwInDiscards),
        ("Received Packets Delivered", "InDelivers", ip.dwInDelivers),
        ("Output Requests", "OutRequests", ip.dwOutRequests),
        ("Routing Discards", "RoutingDiscards", ip.dwRoutingDiscards),
        ("Discarded Output Packets", "OutDiscards", ip.dwOutDiscards),
        ("Output Packet No Route", "OutNoRoutes", ip.dwOutNoRoutes),
        ("Reassembly Required", "ReasmReqds", ip.dwReasmReqds),
        ("Reassembly Successful", "ReasmOKs", ip.dwReasmOks),
        ("Reassembly Failures", "ReasmFails", ip.dwReasmFails),
        ("Datagrams Successfully Fragmented", "FragOKs", ip.dwFragOks),
        ("Datagrams Failing Fragmentation", "FragFails", ip.dwFragFails),
        ("Fragments Created", "FragCreates", ip.dwFragCreates),
    ];
    Ok(Counters::Single { counts, width: 34 })
}

fn tcp(family: u32) -> io::Result<Counters> {
    // SAFETY: the function writes this structure, which consists of integers.
    let tcp = unsafe { read_struct::<MIB_TCPSTATS_LH>(GetTcpStatisticsEx, family)? };
    let counts = vec![
        ("Active Opens", "ActiveOpens", tcp.dwActiveOpens),
        ("Passive Opens", "PassiveOpens", tcp.dwPassiveOpens),
        ("Failed Connection Attempts", "AttemptFails", tcp.dwAttemptFails),
        ("Reset Connections", "EstabResets", tcp.dwEstabResets),
        ("Current Connections", "CurrEstab", tcp.dwCurrEstab),
        ("Segments Received", "InSegs", tcp.dwInSegs),
        ("Segments Sent", "OutSegs", tcp.dwOutSegs),
        ("Segments Retransmitted", "RetransSegs", tcp.dwRetransSegs),
    ];
    Ok(Counters::Single { counts, width: 35 })
}

fn udp(family: u32) -> io::Result<Counters> {
    // SAFETY: the function writes this structure, which consists of integers.
    let udp = unsafe { read_struct::<MIB_UDPSTATS>(GetUdpStatisticsEx, family)? };
    let counts = vec![
        ("Datagrams Received", "InDatagrams", udp.dwInDatagrams),
        ("No Ports", "NoPorts", udp.dwNoPorts),
        ("Receive Errors", "InErrors", udp.dwInErrors),
        ("Datagrams Sent", "OutDatagrams", udp.dwOutDatagrams),
    ];
    Ok(Counters::Single { counts, width: 21 })
}

fn icmp(family: u32, messages: &[(&'static str, &'static str, usize)]) -> io::Result<Counters> {
    // SAFETY: the function writes this structure, which consists of integers.
    let MIB_ICMP_EX_XPSP1 { icmpInStats: received, icmpOutStats: sent } =
        unsafe { read_struct(GetIcmpStatisticsEx, family)? };
    let all = [
        ("Messages", "Msgs", [received.dwMsgs, sent.dwMsgs]),
        ("Errors", "Errors", [received.dwErrors, sent.dwErrors]),
    ];
    let by_type = messages
        .iter()
        .map(|(text, name, kind)| (*text, *name, [received.rgdwTypeCount[*kind], sent.rgdwTypeCount[*kind]]));
    Ok(Counters::ReceivedAndSent(all.into_iter().chain(by_type).collect()))
}
