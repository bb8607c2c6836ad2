//! Turns the ring's records into events.

use netstat_ebpf::wire::{self, ProcessRecord, TransitionRecord, flag, kind};

use crate::model::{
    Comm, Endpoint, Event, Family, Moment, Owner, OwnerHow, Protocol, SockId, State, Transition,
};

/// The event that a record tells; None for a kind that this program doesn't know. `unix_offset_ns` is
/// CLOCK_REALTIME less CLOCK_MONOTONIC.
pub fn event(record: &[u8], unix_offset_ns: i64) -> Option<Event> {
    let change: TransitionRecord = wire::from_bytes(record)?;
    let at = Moment { mono_ns: change.mono_ns, unix_ns: change.mono_ns.cast_signed() + unix_offset_ns };
    let sock = SockId { sk: change.sk, cookie: change.cookie };
    let local = Endpoint::from_bytes(address(change.local_addr), change.local_port);
    let remote = Endpoint::from_bytes(address(change.remote_addr), change.remote_port);
    let process = match change.kind {
        kind::TRANSITION => None,
        kind::PROCESS => process(&wire::from_bytes(record)?),
        kind::ENDS => return Some(Event::Ends { sock, local, remote }),
        _ => return None,
    };
    Some(Event::Transition(Transition {
        at,
        sock,
        family: if local.addr.is_ipv4() || remote.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        protocol: if change.flags & flag::MPTCP == 0 { Protocol::Tcp } else { Protocol::Mptcp },
        old: State::from_kernel(change.old),
        new: State::from_kernel(change.new),
        local,
        remote,
        process,
        netns: (change.flags & flag::CLASSIC == 0).then_some(change.netns),
    }))
}

/// The process that made the change; None where that was a thread of the kernel's own.
fn process(record: &ProcessRecord) -> Option<Owner> {
    let how = match (State::from_kernel(record.transition.old), State::from_kernel(record.transition.new)) {
        (_, State::SynSent) => OwnerHow::Connect,
        (_, State::Listen) => OwnerHow::Listen,
        _ => OwnerHow::Close,
    };
    (record.pid != 0).then_some(Owner { pid: record.pid, comm: Comm::new(record.comm), uid: record.uid, how })
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
            local_addr: [0, u64::from_ne_bytes([0, 0, 255, 255, 10, 0, 0, 5])],
            remote_addr: [0, u64::from_ne_bytes([0, 0, 255, 255, 93, 184, 216, 34])],
        }
    }

    #[test]
    fn a_mapped_address_on_an_ipv6_socket_is_ipv4() {
        let Some(Event::Transition(seen)) = event(wire::as_bytes(&record(kind::TRANSITION)), 5) else {
            panic!("no transition")
        };
        assert_eq!(seen.family, Family::Ipv4);
        assert_eq!(seen.local, Endpoint { addr: IpAddr::from([10, 0, 0, 5]), port: 45_012 });
        assert_eq!((seen.old, seen.new), (State::Close, State::SynSent));
        assert_eq!(seen.at, Moment { mono_ns: 1_000, unix_ns: 1_005 });
        assert_eq!(seen.process, None);
    }

    #[test]
    fn the_connecting_process_is_the_owner_and_a_kernel_thread_is_none() {
        let mut with_process =
            ProcessRecord { transition: record(kind::PROCESS), pid: 12, uid: 1_000, comm: *b"curl\0\0\0\0\0\0\0\0\0\0\0\0" };
        let Some(Event::Transition(seen)) = event(wire::as_bytes(&with_process), 0) else { panic!("no transition") };
        let owner = seen.process.unwrap();
        assert_eq!((owner.pid, owner.uid, owner.how, owner.comm.as_bytes()), (12, 1_000, OwnerHow::Connect, &b"curl"[..]));
        with_process.pid = 0;
        let Some(Event::Transition(seen)) = event(wire::as_bytes(&with_process), 0) else { panic!("no transition") };
        assert_eq!(seen.process, None);
    }

    #[test]
    fn torn_and_unknown_records_are_none() {
        assert_eq!(event(&[], 0), None);
        assert_eq!(event(&wire::as_bytes(&record(kind::TRANSITION))[..40], 0), None);
        assert_eq!(event(wire::as_bytes(&record(kind::PROCESS)), 0), None);
        assert_eq!(event(wire::as_bytes(&record(99)), 0), None);
    }
}
