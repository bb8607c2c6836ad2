//! The words that an event's fields take, as they are written.

use serde::{Deserialize, Serialize};

/// `event` of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// A transition, reported when it happened.
    Transition,
    /// A connection that was open at the start of the trace.
    Existing,
    /// A transition that was not seen, inferred from a later snapshot of the kernel's sockets.
    Repaired,
}

/// `family`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4, IPv4-mapped IPv6 addresses included.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// `proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP; MPTCP's subflows are TCP.
    Tcp,
    /// MPTCP.
    Mptcp,
}

/// `direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The local socket sent the SYN.
    Outbound,
    /// The peer sent the SYN.
    Inbound,
    /// A listener.
    Listen,
}

/// A TCP state, by its name in netstat(8); in the order of the kernel's numbers (include/net/tcp_states.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "RFC 9293 defines the states")]
pub enum State {
    Unknown,
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

/// `owner`: how the owner is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnerHow {
    /// The process called connect().
    Connect,
    /// The process called listen().
    Listen,
    /// The process accepted the connection.
    Accept,
    /// The owner of the listener: no process is known to have accepted the connection.
    Listener,
    /// The process closed the connection.
    Close,
    /// The process was found with a file descriptor of the socket.
    Scan,
}

/// `close_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The local endpoint sent the first FIN.
    FinLocal,
    /// The peer sent the first FIN.
    FinRemote,
    /// Both sent a FIN before they received the other's.
    FinBoth,
    /// The peer sent an RST.
    ResetReceived,
    /// The local endpoint sent an RST.
    ResetSent,
    /// The SYN was answered with an RST.
    Refused,
    /// Retransmissions, or keepalive probes, got no answer.
    Timeout,
    /// An ICMP error: no route to the peer.
    Unreachable,
    /// Ended by an administrator, or together with the listener.
    Aborted,
    /// The timer of TIME_WAIT, or of a half-open connection, ran out.
    Expired,
    /// No local port was left: no SYN was sent.
    NoPort,
    /// Closed here before the SYN was answered: no FIN was sent.
    Abandoned,
    /// The reason is not known.
    Unknown,
}

/// `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// eBPF programs in the kernel.
    Ebpf,
    /// Polls of /proc.
    Proc,
    /// Polls of Windows' TCP table.
    Windows,
}

/// `where` of a `lost` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossPlace {
    /// The kernel's ring buffer.
    Ring,
    /// A program run that the kernel skipped, because it had interrupted the same program.
    Nested,
    /// The queue before a slow reader of the output.
    Output,
    /// The table of a polling source.
    Table,
    /// The snapshot of all sockets.
    Snapshot,
}

/// `what` of a `lost` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// State transitions.
    Transitions,
    /// Records that are no transitions.
    Observations,
    /// Records of a kind that the program does not know.
    UnknownRecords,
    /// Snapshots of all sockets.
    Snapshots,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Reads each word, writes the value, and expects the word again.
    fn has_words<T: Serialize + DeserializeOwned>(words: &str) {
        for word in words.split_whitespace() {
            let word = format!("{word:?}");
            let value: T = serde_json::from_str(&word).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), word);
        }
    }

    #[test]
    fn the_words_are_the_contract_s() {
        has_words::<RowKind>("transition existing repaired");
        has_words::<Family>("ipv4 ipv6");
        has_words::<Protocol>("tcp mptcp");
        has_words::<Direction>("outbound inbound listen");
        has_words::<State>(
            "CLOSE LISTEN SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT UNKNOWN",
        );
        has_words::<OwnerHow>("connect listen accept listener close scan");
        has_words::<CloseReason>(
            "fin_local fin_remote fin_both reset_received reset_sent refused timeout unreachable aborted expired no_port \
             abandoned unknown",
        );
        has_words::<Source>("ebpf proc windows");
        has_words::<LossPlace>("ring nested output table snapshot");
        has_words::<LossKind>("transitions observations unknown_records snapshots");
    }
}
