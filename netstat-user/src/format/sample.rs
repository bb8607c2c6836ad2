//! Records that the formats' tests write.

use super::Record;
use crate::model::*;

const AT: Moment = Moment { mono_ns: 5_000_000_000, unix_ns: 1_700_000_000_123_456_789 };

pub(super) fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { addr: socket.ip(), port: socket.port() }
}

/// The cgroup of [`full`]'s socket.
pub(super) const CGROUP: &[u8] = b"/system.slice/nginx.service";

/// The row's record, with the path of its cgroup if it has one.
pub(super) fn record(row: &Row) -> Record<'_> {
    Record::Row { row, cgroup: row.cgroup.map(|_| CGROUP) }
}

/// A row in which everything is known.
pub(super) fn full() -> Row {
    Row {
        kind: RowKind::Transition,
        at: AT,
        conn: ConnId(7),
        family: Family::Ipv4,
        protocol: Protocol::Tcp,
        local: endpoint("10.0.0.5:45012"),
        remote: Some(endpoint("93.184.216.34:443")),
        direction: Some(Direction::Outbound),
        old_state: Some(State::FinWait2),
        new_state: State::TimeWait,
        state_ns: Some(200_000),
        owner: Some(owner(b"curl", 2876)),
        socket_uid: None,
        netns: Some(4_026_531_840),
        cgroup: Some(42),
        close_reason: Some(CloseReason::FinLocal),
        tcp_stats: Some(TcpStats {
            bytes_sent: Some(1_234),
            bytes_received: 48_000,
            rtt_us: Some(21_000),
            retransmits: 3,
        }),
        source: Source::Ebpf,
        interface: InterfaceName::new(b"eth0"),
        reset_cause: Some("tcp_abort_on_close"),
        syn_retransmits: Some(2),
    }
}

/// The end of an ordinary connection.
pub(super) fn closed() -> Row {
    Row { interface: None, reset_cause: None, syn_retransmits: None, ..full() }
}

/// A row in which as little as possible is known.
pub(super) fn bare() -> Row {
    Row {
        kind: RowKind::Transition,
        at: Moment::default(),
        conn: ConnId(1),
        family: Family::Ipv6,
        protocol: Protocol::Tcp,
        local: endpoint("[::]:0"),
        remote: None,
        direction: None,
        old_state: Some(State::Close),
        new_state: State::Listen,
        state_ns: None,
        owner: None,
        socket_uid: None,
        netns: None,
        cgroup: None,
        close_reason: None,
        tcp_stats: None,
        source: Source::Ebpf,
        interface: None,
        reset_cause: None,
        syn_retransmits: None,
    }
}

/// A transition that doesn't end its connection.
pub(super) fn transition(local: &str, remote: &str, direction: Direction, old: State, new: State) -> Row {
    Row {
        local: endpoint(local),
        remote: Some(endpoint(remote)),
        family: if endpoint(local).addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        direction: Some(direction),
        old_state: Some(old),
        new_state: new,
        close_reason: None,
        tcp_stats: None,
        ..closed()
    }
}

pub(super) fn owner(comm: &[u8], pid: u32) -> Owner {
    let mut bytes = [0; 16];
    bytes[..comm.len()].copy_from_slice(comm);
    Owner { pid, comm: Comm::new(bytes), uid: Some(1000), started_ns: None, how: OwnerHow::Connect }
}

/// A row whose owner has this name.
pub(super) fn named(comm: &[u8]) -> Row {
    Row { owner: Some(owner(comm, 2876)), ..closed() }
}

pub(super) fn started() -> Started {
    Started {
        at: AT,
        source: Source::Ebpf,
        kernel: "6.12.1".to_owned(),
        hooks: vec![("inet_sock_set_state".into(), "tp_btf".into())],
        missing: vec![Missing { what: "owner".into(), why: "no \"iter\"".to_owned() }],
    }
}

pub(super) fn loss() -> Loss {
    Loss { at: AT, count: 123, place: LossPlace::Ring, what: LossKind::Transitions }
}

pub(super) fn ended() -> Ended {
    Ended { at: AT, transitions: 9, lost: Some(2), repaired: 1, duration_ns: 3_200_000_000, owner_unknown: 0 }
}
