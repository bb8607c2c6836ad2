//! The sentences of IPv6's counters.

use super::sentences::{Sentence, Shown::*};

/// IPv6.
pub const IP6: &[Sentence] = &[
    ("Ip6FragCreates", IfAny, "{} fragments created"),
    ("Ip6FragFails", IfAny, "{} outgoing packets failed fragmentation"),
    ("Ip6FragOKs", IfAny, "{} outgoing packets fragmented ok"),
    ("Ip6InAddrErrors", IfAny, "{} with invalid addresses"),
    ("Ip6InDelivers", Always, "{} incoming packets delivered"),
    ("Ip6InDiscards", Always, "{} incoming packets discarded"),
    ("Ip6InHdrErrors", IfAny, "{} with invalid headers"),
    ("Ip6InMcastPkts", IfAny, "{} incoming multicast packets"),
    ("Ip6InNoRoutes", IfAny, "{} incoming packets with no route"),
    ("Ip6InReceives", Always, "{} total packets received"),
    ("Ip6InTooBigErrors", IfAny, "{} with packets too big"),
    ("Ip6InTruncatedPkts", IfAny, "{} with truncated packets"),
    ("Ip6InUnknownProtos", IfAny, "{} with unknown protocol"),
    ("Ip6OutDiscards", IfAny, "{} outgoing packets dropped"),
    ("Ip6OutForwDatagrams", Always, "{} forwarded"),
    ("Ip6OutMcastPkts", IfAny, "{} outgoing multicast packets"),
    ("Ip6OutNoRoutes", IfAny, "{} dropped because of missing route"),
    ("Ip6OutRequests", Always, "{} requests sent out"),
    ("Ip6ReasmFails", IfAny, "{} packet reassemblies failed"),
    ("Ip6ReasmOKs", IfAny, "{} packets reassembled ok"),
    ("Ip6ReasmReqds", IfAny, "{} reassemblies required"),
    ("Ip6ReasmTimeout", IfAny, "{} fragments dropped after timeout"),
];

/// ICMPv6.
pub const ICMP6: &[Sentence] = &[
    ("Icmp6InDestUnreachs", InHistogram, "destination unreachable: {}"),
    ("Icmp6InEchoReplies", InHistogram, "echo replies: {}"),
    ("Icmp6InEchos", InHistogram, "echo requests: {}"),
    ("Icmp6InErrors", Always, "{} input ICMP message failed"),
    ("Icmp6InGroupMembQueries", InHistogram, "group member queries: {}"),
    ("Icmp6InGroupMembReductions", InHistogram, "group member reductions: {}"),
    ("Icmp6InGroupMembResponses", InHistogram, "group member responses: {}"),
    ("Icmp6InMsgs", Always, "{} ICMP messages received"),
    ("Icmp6InNeighborAdvertisements", InHistogram, "neighbour advertisement: {}"),
    ("Icmp6InNeighborSolicits", InHistogram, "neighbour solicits: {}"),
    ("Icmp6InParmProblems", InHistogram, "parameter problem: {}"),
    ("Icmp6InPktTooBigs", InHistogram, "packets too big: {}"),
    ("Icmp6InRedirects", InHistogram, "redirects: {}"),
    ("Icmp6InRouterAdvertisements", InHistogram, "router advertisement: {}"),
    ("Icmp6InRouterSolicits", InHistogram, "router solicits: {}"),
    ("Icmp6InTimeExcds", InHistogram, "received ICMPv6 time exceeded: {}"),
    ("Icmp6OutDestUnreachs", OutHistogram, "destination unreachable: {}"),
    ("Icmp6OutEchoReplies", OutHistogram, "echo replies: {}"),
    ("Icmp6OutEchos", OutHistogram, "echo requests: {}"),
    ("Icmp6OutGroupMembQueries", OutHistogram, "group member queries: {}"),
    ("Icmp6OutGroupMembReductions", OutHistogram, "group member reductions: {}"),
    ("Icmp6OutGroupMembResponses", OutHistogram, "group member responses: {}"),
    ("Icmp6OutMsgs", Always, "{} ICMP messages sent"),
    ("Icmp6OutNeighborAdvertisements", OutHistogram, "neighbor advertisements: {}"),
    ("Icmp6OutNeighborSolicits", OutHistogram, "neighbor solicits: {}"),
    ("Icmp6OutParmProblems", OutHistogram, "parameter problem: {}"),
    ("Icmp6OutPktTooBigs", OutHistogram, "packets too big: {}"),
    ("Icmp6OutRedirects", OutHistogram, "redirects: {}"),
    ("Icmp6OutRouterAdvertisements ", OutHistogram, "router advertisement: {}"),
    ("Icmp6OutRouterSolicits", OutHistogram, "router solicits: {}"),
    ("Icmp6OutTimeExcds", OutHistogram, "sent ICMPv6 time exceeded: {}"),
];

/// UDP over IPv6.
pub const UDP6: &[Sentence] = &[
    ("Udp6InDatagrams", Always, "{} packets received"),
    ("Udp6InErrors", Always, "{} packet receive errors"),
    ("Udp6NoPorts", Always, "{} packets to unknown port received"),
    ("Udp6OutDatagrams", Always, "{} packets sent"),
];
