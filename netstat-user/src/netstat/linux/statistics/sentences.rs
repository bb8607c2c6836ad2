//! The counters that netstat -s has a sentence for. It shows the others by the kernel's name.
//!
//! net-tools 2.10 has some more sentences that it never finds: it does a binary search in a table that is not sorted.

use self::Shown::*;

/// When a counter that has a sentence is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Always.
    Always,
    /// Unless it is 0.
    IfAny,
    /// Unless it is 0, in the list of received ICMP messages.
    InHistogram,
    /// Unless it is 0, in the list of sent ICMP messages.
    OutHistogram,
    /// Never: it is a setting.
    Hidden,
}

/// The kernel's name of a counter, when it is shown, and its sentence; `{}` stands for the value.
pub type Sentence = (&'static str, Shown, &'static str);

/// IPv4.
pub const IP: &[Sentence] = &[
    ("DefaultTTL", Hidden, ""),
    ("ForwDatagrams", Always, "{} forwarded"),
    ("FragCreates", IfAny, "{} fragments created"),
    ("FragFails", IfAny, "{} outgoing packets failed fragmentation"),
    ("FragOKs", IfAny, "{} outgoing packets fragmented ok"),
    ("InAddrErrors", IfAny, "{} with invalid addresses"),
    ("InDelivers", Always, "{} incoming packets delivered"),
    ("InDiscards", Always, "{} incoming packets discarded"),
    ("InHdrErrors", IfAny, "{} with invalid headers"),
    ("InReceives", Always, "{} total packets received"),
    ("InUnknownProtos", IfAny, "{} with unknown protocol"),
    ("OutDiscards", IfAny, "{} outgoing packets dropped"),
    ("OutNoRoutes", IfAny, "{} dropped because of missing route"),
    ("OutRequests", Always, "{} requests sent out"),
    ("ReasmFails", IfAny, "{} packet reassemblies failed"),
    ("ReasmOKs", IfAny, "{} packets reassembled ok"),
    ("ReasmReqds", IfAny, "{} reassemblies required"),
    ("ReasmTimeout", IfAny, "{} fragments dropped after timeout"),
];

/// ICMP.
pub const ICMP: &[Sentence] = &[
    ("InAddrMaskReps", InHistogram, "address mask replies: {}"),
    ("InAddrMasks", InHistogram, "address mask options: {}"),
    ("InDestUnreachs", InHistogram, "destination unreachable: {}"),
    ("InEchoReps", InHistogram, "echo replies: {}"),
    ("InEchos", InHistogram, "echo requests: {}"),
    ("InErrors", Always, "{} input ICMP message failed"),
    ("InMsgs", Always, "{} ICMP messages received"),
    ("InParmProbs", InHistogram, "wrong parameters: {}"),
    ("InRedirects", InHistogram, "redirects: {}"),
    ("InSrcQuenchs", InHistogram, "source quenches: {}"),
    ("InTimeExcds", InHistogram, "timeout in transit: {}"),
    ("InTimestampReps", InHistogram, "timestamp reply: {}"),
    ("InTimestamps", InHistogram, "timestamp options: {}"),
    ("OutAddrMaskReps", OutHistogram, "address mask replies: {}"),
    ("OutAddrMasks", OutHistogram, "address mask requests: {}"),
    ("OutDestUnreachs", OutHistogram, "destination unreachable: {}"),
    ("OutEchoReps", OutHistogram, "echo replies: {}"),
    ("OutEchos", OutHistogram, "echo requests: {}"),
    ("OutErrors", Always, "{} ICMP messages failed"),
    ("OutMsgs", Always, "{} ICMP messages sent"),
    ("OutParmProbs", OutHistogram, "wrong parameters: {}"),
    ("OutRedirects", OutHistogram, "redirect: {}"),
    ("OutSrcQuenchs", OutHistogram, "source quench: {}"),
    ("OutTimeExcds", OutHistogram, "time exceeded: {}"),
    ("OutTimestampReps", OutHistogram, "timestamp replies: {}"),
    ("OutTimestamps", OutHistogram, "timestamp requests: {}"),
];

/// TCP, over either IP.
pub const TCP: &[Sentence] = &[
    ("ActiveOpens", Always, "{} active connection openings"),
    ("AttemptFails", Always, "{} failed connection attempts"),
    ("CurrEstab", Always, "{} connections established"),
    ("EstabResets", Always, "{} connection resets received"),
    ("InErrs", Always, "{} bad segments received"),
    ("InSegs", Always, "{} segments received"),
    ("MaxConn", Hidden, ""),
    ("OutRsts", Always, "{} resets sent"),
    ("OutSegs", Always, "{} segments sent out"),
    ("PassiveOpens", Always, "{} passive connection openings"),
    ("RetransSegs", Always, "{} segments retransmitted"),
    ("RtoAlgorithm", Hidden, ""),
    ("RtoMax", Hidden, ""),
    ("RtoMin", Hidden, ""),
];

/// UDP over IPv4.
pub const UDP: &[Sentence] = &[
    ("InDatagrams", Always, "{} packets received"),
    ("InErrors", Always, "{} packet receive errors"),
    ("NoPorts", Always, "{} packets to unknown port received"),
    ("OutDatagrams", Always, "{} packets sent"),
    ("RcvbufErrors", Always, "{} receive buffer errors"),
    ("SndbufErrors", Always, "{} send buffer errors"),
];

/// Linux's own counters of TCP.
pub const TCP_EXT: &[Sentence] = &[
    ("DelayedACKLocked", IfAny, "{} delayed acks further delayed because of locked socket"),
    ("DelayedACKLost", IfAny, "Quick ack mode was activated {} times"),
    ("DelayedACKs", IfAny, "{} delayed acks sent"),
    ("EmbryonicRsts", IfAny, "{} resets received for embryonic SYN_RECV sockets"),
    ("ListenDrops", IfAny, "{} SYNs to LISTEN sockets dropped"),
    ("ListenOverflows", IfAny, "{} times the listen queue of a socket overflowed"),
    ("LockDroppedIcmps", IfAny, "{} ICMP packets dropped because socket was locked"),
    ("OfoPruned", IfAny, "{} packets dropped from out-of-order queue because of socket buffer overrun"),
    ("OutOfWindowIcmps", IfAny, "{} ICMP packets dropped because they were out-of-window"),
    ("PAWSActive", IfAny, "{} active connections rejected because of time stamp"),
    ("PAWSEstab", IfAny, "{} packets rejected in established connections because of timestamp"),
    ("PAWSPassive", IfAny, "{} passive connections rejected because of time stamp"),
    ("PruneCalled", IfAny, "{} packets pruned from receive queue because of socket buffer overrun"),
    ("RcvPruned", IfAny, "{} packets pruned from receive queue"),
    ("SockMallocOOM", IfAny, "Ran {} times out of system memory during packet sending"),
    ("SyncookiesFailed", IfAny, "{} invalid SYN cookies received"),
    ("SyncookiesRecv", IfAny, "{} SYN cookies received"),
    ("SyncookiesSent", IfAny, "{} SYN cookies sent"),
    ("TCPAbortFailed", IfAny, "{} times unable to send RST due to no memory"),
    ("TCPAbortOnClose", IfAny, "{} connections reset due to early user close"),
    ("TCPAbortOnData", IfAny, "{} connections reset due to unexpected data"),
    ("TCPAbortOnLinger", IfAny, "{} connections aborted after user close in linger timeout"),
    ("TCPAbortOnMemory", IfAny, "{} connections aborted due to memory pressure"),
    ("TCPAbortOnSyn", IfAny, "{} connections reset due to unexpected SYN"),
    ("TCPAbortOnTimeout", IfAny, "{} connections aborted due to timeout"),
    ("TCPDirectCopyFromBacklog", IfAny, "{} bytes directly in process context from backlog"),
    ("TCPFACKReorder", IfAny, "Detected reordering {} times using FACK"),
    ("TCPFastRetrans", IfAny, "{} fast retransmits"),
    ("TCPForwardRetrans", IfAny, "{} forward retransmits"),
    ("TCPFullUndo", IfAny, "{} congestion windows fully recovered without slow start"),
    ("TCPHPAcks", IfAny, "{} predicted acknowledgments"),
    ("TCPHPHits", Always, "{} packet headers predicted"),
    ("TCPHPHitsToUser", IfAny, "{} packet headers predicted and directly queued to user"),
    ("TCPLossFailures", IfAny, "{} timeouts in loss state"),
    ("TCPLossUndo", IfAny, "{} congestion windows recovered without slow start after partial ack"),
    ("TCPLostRetransmits", IfAny, "{} retransmits lost"),
    ("TCPMemoryPressures", IfAny, "TCP ran low on memory {} times"),
    ("TCPPartialUndo", IfAny, "{} congestion windows partially recovered using Hoe heuristic"),
    ("TCPPrequeued", IfAny, "{} packets directly queued to recvmsg prequeue"),
    ("TCPPureAcks", IfAny, "{} acknowledgments not containing data payload received"),
    ("TCPRcvCollapsed", IfAny, "{} packets collapsed in receive queue due to low socket buffer"),
    ("TCPRenoFailures", IfAny, "{} timeouts after reno fast retransmit"),
    ("TCPRenoRecovery", IfAny, "{} times recovered from packet loss due to fast retransmit"),
    ("TCPRenoReorder", IfAny, "Detected reordering {} times using reno fast retransmit"),
    ("TCPSACKReorder", IfAny, "Detected reordering {} times using SACK"),
    ("TCPSchedulerFailed", IfAny, "{} times receiver scheduled too late for direct processing"),
    ("TCPSlowStartRetrans", IfAny, "{} retransmits in slow start"),
    ("TCPTSReorder", IfAny, "Detected reordering {} times using time stamp"),
    ("TW", IfAny, "{} TCP sockets finished time wait in fast timer"),
    ("TWRecycled", IfAny, "{} time wait sockets recycled by time stamp"),
];
