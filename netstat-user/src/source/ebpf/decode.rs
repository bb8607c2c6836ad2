//! Decodes the records of the ring buffer into events.

use netstat_ebpf::wire::{
    self, AcceptRecord, CloseRecord, MinisockCreatedRecord, MinisockRemovedRecord, ProcessRecord,
    ResetSentRecord, SynErrorRecord, SynRetransmittedRecord, TransitionRecord, caller, flag, kind,
};

use super::{reset_causes::ResetCauses, self_filter::SelfFilter};
use crate::model::{
    Comm, Endpoint, Event, Family, KernelTcpStats, MinisockCreated, MinisockRemoved, Moment, Owner, OwnerHow,
    Protocol, RemovalCause, ResetSent, SockId, State, Transition,
};

/// A record of a kind that this program does not know, or that is shorter than its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRecord;

/// The event in a record. `unix_offset_ns` is CLOCK_REALTIME minus CLOCK_MONOTONIC.
///
/// # Errors
/// The record is unknown: the kernel side is not the one that this program was built with.
pub fn event(
    record: &[u8],
    unix_offset_ns: i64,
    self_filter: &SelfFilter,
    reset_causes: &ResetCauses,
) -> Result<Event, UnknownRecord> {
    known_event(record, unix_offset_ns, self_filter, reset_causes).ok_or(UnknownRecord)
}

fn known_event(
    record: &[u8],
    unix_offset_ns: i64,
    self_filter: &SelfFilter,
    reset_causes: &ResetCauses,
) -> Option<Event> {
    match *record.first()? {
        kind::TRANSITION => Some(Event::Transition(transition(&wire::from_bytes(record)?, unix_offset_ns))),
        kind::PROCESS => {
            let record: ProcessRecord = wire::from_bytes(record)?;
            Some(Event::Transition(Transition {
                process: process(&record, self_filter),
                cgroup: (record.cgroup != 0).then_some(record.cgroup),
                ..transition(&record.transition, unix_offset_ns)
            }))
        }
        kind::CLOSE => {
            let record: CloseRecord = wire::from_bytes(record)?;
            Some(Event::Transition(Transition {
                kernel_tcp_stats: Some(kernel_tcp_stats(&record)),
                ..transition(&record.transition, unix_offset_ns)
            }))
        }
        kind::TUPLE => {
            let record: TransitionRecord = wire::from_bytes(record)?;
            let (local, remote) = endpoints(&record);
            Some(Event::Tuple { sock: sock(&record), local, remote })
        }
        kind::MINISOCK_CREATED => Some(minisock_created(&wire::from_bytes(record)?, unix_offset_ns)),
        kind::MINISOCK_REMOVED => Some(minisock_removed(&wire::from_bytes(record)?, unix_offset_ns)),
        kind::RESET_SENT => {
            Some(Event::ResetSent(reset_sent(&wire::from_bytes(record)?, unix_offset_ns, reset_causes)))
        }
        kind::SYN_RETRANSMITTED => {
            let SynRetransmittedRecord { sk, .. } = wire::from_bytes(record)?;
            Some(Event::SynRetransmitted { sk })
        }
        kind::SYN_ERROR => {
            let SynErrorRecord { sk, error, .. } = wire::from_bytes(record)?;
            Some(Event::SynError { sk, error })
        }
        kind::ACCEPT => {
            let AcceptRecord { pid, sk, cookie, uid, comm, .. } = wire::from_bytes(record)?;
            let owner = Owner { pid, comm: Comm::new(comm), uid: Some(uid), how: OwnerHow::Accept };
            Some(Event::Accept { sock: SockId { sk, cookie }, owner })
        }
        _ => None,
    }
}

fn transition(record: &TransitionRecord, unix_offset_ns: i64) -> Transition {
    let (local, remote) = endpoints(record);
    let is_full = record.flags & flag::CLASSIC == 0;
    Transition {
        at: moment(record.mono_ns, unix_offset_ns),
        sock: sock(record),
        family: family(local, remote),
        protocol: if record.flags & flag::MPTCP == 0 { Protocol::Tcp } else { Protocol::Mptcp },
        old: State::from_kernel(record.old),
        new: State::from_kernel(record.new),
        local,
        remote,
        process: None,
        netns: is_full.then_some(record.netns),
        cgroup: None,
        has_socket: is_full.then_some(record.flags & flag::HAS_SOCKET != 0),
        error: is_full.then_some(record.sk_err.into()),
        soft_error: record.sk_err_soft.into(),
        fin_is_acknowledged: record.flags & flag::FIN_ACKNOWLEDGED != 0,
        connect_failed: record.flags & flag::CONNECT_FAILED != 0,
        kernel_tcp_stats: None,
    }
}

fn minisock_created(record: &MinisockCreatedRecord, unix_offset_ns: i64) -> Event {
    let MinisockCreatedRecord { transition, listener } = record;
    let (local, remote) = endpoints(transition);
    Event::MinisockCreated(MinisockCreated {
        at: moment(transition.mono_ns, unix_offset_ns),
        sock: sock(transition),
        state: State::from_kernel(transition.new),
        is_observation: transition.flags & flag::OBSERVED != 0,
        family: family(local, remote),
        local,
        remote,
        netns: transition.netns,
        listener: (*listener != 0).then_some(*listener),
    })
}

fn minisock_removed(record: &MinisockRemovedRecord, unix_offset_ns: i64) -> Event {
    let state = if record.substate == 0 { record.state } else { record.substate };
    Event::MinisockRemoved(MinisockRemoved {
        at: moment(record.mono_ns, unix_offset_ns),
        sk: record.sk,
        state: State::from_kernel(state),
        expired: record.expired != 0,
        cause: match record.caller {
            caller::SEGMENT => Some(RemovalCause::Segment),
            caller::RECEIVE => Some(RemovalCause::ForeignSegment),
            caller::ICMP => Some(RemovalCause::Icmp),
            caller::ABORT | caller::NAMESPACE => Some(RemovalCause::Administrator),
            _ => None,
        },
        listener_has_closed: record.listener_has_closed != 0,
    })
}

fn reset_sent(record: &ResetSentRecord, unix_offset_ns: i64, causes: &ResetCauses) -> ResetSent {
    let state = State::from_kernel(record.state);
    let local = Endpoint::from_bytes(address(record.local_addr), record.local_port);
    let remote = Endpoint::from_bytes(address(record.remote_addr), record.remote_port);
    ResetSent {
        at: moment(record.mono_ns, unix_offset_ns),
        sk: record.sk,
        state,
        half_open: (state == State::Listen).then_some((local, remote, record.netns)),
        cause: causes.name(record.cause),
    }
}

/// A record's time stamp, which is of CLOCK_MONOTONIC, on both clocks.
pub fn moment(mono_ns: u64, unix_offset_ns: i64) -> Moment {
    Moment { mono_ns, unix_ns: mono_ns.cast_signed().saturating_add(unix_offset_ns) }
}

pub fn sock(record: &TransitionRecord) -> SockId {
    SockId { sk: record.sk, cookie: record.cookie }
}

pub fn endpoints(record: &TransitionRecord) -> (Endpoint, Endpoint) {
    (
        Endpoint::from_bytes(address(record.local_addr), record.local_port),
        Endpoint::from_bytes(address(record.remote_addr), record.remote_port),
    )
}

pub fn family(local: Endpoint, remote: Endpoint) -> Family {
    if local.addr.is_ipv4() || remote.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

fn kernel_tcp_stats(record: &CloseRecord) -> KernelTcpStats {
    let CloseRecord { transition: _, bytes_acked, bytes_received, srtt_us, total_retrans } = *record;
    // The kernel keeps `srtt_us` multiplied by eight (tcp_rtt_estimator, net/ipv4/tcp_input.c, 5.10 to 6.18).
    let rtt_us = (srtt_us != 0).then_some(srtt_us / 8);
    KernelTcpStats { bytes_acked, bytes_received, rtt_us, retransmits: total_retrans }
}

/// The process that caused the transition; None for a kernel thread and for this process.
fn process(record: &ProcessRecord, self_filter: &SelfFilter) -> Option<Owner> {
    let how = match (State::from_kernel(record.transition.old), State::from_kernel(record.transition.new)) {
        (_, State::SynSent) => OwnerHow::Connect,
        (_, State::Listen) => OwnerHow::Listen,
        _ => OwnerHow::Close,
    };
    (record.pid != 0 && !self_filter.matches(record)).then_some(Owner {
        pid: record.pid,
        comm: Comm::new(record.comm),
        uid: Some(record.uid),
        how,
    })
}

fn address(words: [u64; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&words[0].to_ne_bytes());
    bytes[8..].copy_from_slice(&words[1].to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn record(kind: u8) -> TransitionRecord {
        TransitionRecord {
            kind,
            old: 7,
            new: 2,
            flags: flag::INET6,
            netns: 42,
            mono_ns: 1_000,
            sk: 0xffff_8880_0000_1000,
            cookie: 9,
            local_port: 45_012,
            remote_port: 443,
            sk_err: 0,
            sk_err_soft: 0,
            local_addr: [0, u64::from_ne_bytes([0, 0, 255, 255, 10, 0, 0, 5])],
            remote_addr: [0, u64::from_ne_bytes([0, 0, 255, 255, 93, 184, 216, 34])],
        }
    }

    #[test]
    fn a_mapped_address_on_an_ipv6_socket_is_ipv4() {
        let Ok(Event::Transition(seen)) =
            event(wire::as_bytes(&record(kind::TRANSITION)), 5, &SelfFilter::new(), &ResetCauses::default())
        else {
            panic!("no transition")
        };
        assert_eq!(seen.family, Family::Ipv4);
        assert_eq!(seen.local, Endpoint { addr: IpAddr::from([10, 0, 0, 5]), port: 45_012 });
        assert_eq!((seen.old, seen.new), (State::Close, State::SynSent));
        assert_eq!(seen.at, Moment { mono_ns: 1_000, unix_ns: 1_005 });
        assert_eq!(seen.process, None);
    }

    #[test]
    fn a_connecting_process_is_the_owner_but_neither_a_kernel_thread_nor_this_process_is() {
        let mut with_process = ProcessRecord {
            transition: record(kind::PROCESS),
            pid: 12,
            uid: 1_000,
            comm: *b"curl\0\0\0\0\0\0\0\0\0\0\0\0",
            cgroup: 0,
        };
        let Ok(Event::Transition(seen)) =
            event(wire::as_bytes(&with_process), 0, &SelfFilter::new(), &ResetCauses::default())
        else {
            panic!("no transition")
        };
        let owner = seen.process.unwrap();
        assert_eq!(
            (owner.pid, owner.uid, owner.how, owner.comm.as_bytes()),
            (12, Some(1_000), OwnerHow::Connect, &b"curl"[..])
        );
        for nobody in [0, std::process::id()] {
            with_process.pid = nobody;
            let Ok(Event::Transition(seen)) =
                event(wire::as_bytes(&with_process), 0, &SelfFilter::new(), &ResetCauses::default())
            else {
                panic!("no transition")
            };
            assert_eq!(seen.process, None);
        }
    }

    #[test]
    fn a_record_of_an_unknown_kind_or_shorter_than_its_kind_is_an_error() {
        let transition = record(kind::TRANSITION);
        for unknown in [
            &[][..],
            &wire::as_bytes(&transition)[..40],
            wire::as_bytes(&record(kind::PROCESS)),
            // Only the iterators give these.
            wire::as_bytes(&record(kind::SNAPSHOT)),
            wire::as_bytes(&record(99)),
        ] {
            assert_eq!(
                event(unknown, 0, &SelfFilter::new(), &ResetCauses::default()),
                Err(UnknownRecord),
                "{unknown:?}"
            );
        }
    }
}
