//! Decodes the records of the ring buffer into events.

use std::num::NonZero;

use netstat_ebpf::wire::{
    self, AcceptRecord, CloseRecord, InterfaceRecord, MinisockCreatedRecord, MinisockRemovedRecord, Process,
    ProcessRecord, ProcessRenamedRecord, ResetSentRecord, SynErrorRecord, SynRetransmittedRecord,
    TransitionRecord, caller, flag, kind,
};
use rustc_hash::FxHashMap;

use super::reset_causes::ResetCauses;
use crate::model::{
    Comm, Endpoint, Event, Family, HalfOpenReset, Interface, InterfaceName, KernelTcpStats, MinisockCreated,
    MinisockRemoved, Moment, Owner, OwnerHow, ProcessRenamed, Protocol, RemovalCause, ResetSent, SockId,
    State, Transition,
};

/// A record of a kind that this program does not know, or that is shorter than its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRecord;

/// Decodes records.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The names of interfaces by network namespace and index, from the records that come before those of bound sockets.
    interfaces: FxHashMap<(u32, u32), InterfaceName>,
    reset_causes: ResetCauses,
}

/// How many names of interfaces a decoder keeps: all are forgotten beyond. Each is reported again before it is needed.
const MAX_INTERFACES: usize = 4096;

impl Decoder {
    /// A decoder that knows these causes of RSTs.
    pub fn new(reset_causes: ResetCauses) -> Self {
        Self { reset_causes, ..Self::default() }
    }

    /// The event in a record; None for a record that belongs to the next one. `unix_offset_ns` is CLOCK_REALTIME minus
    /// CLOCK_MONOTONIC.
    ///
    /// # Errors
    /// The record is unknown: the kernel side is not the one that this program was built with.
    pub fn event(&mut self, record: &[u8], unix_offset_ns: i64) -> Result<Option<Event>, UnknownRecord> {
        if record.first() == Some(&kind::INTERFACE) {
            let record = wire::from_bytes(record).ok_or(UnknownRecord)?;
            self.learn_interface(&record);
            return Ok(None);
        }
        self.known_event(record, unix_offset_ns).map(Some).ok_or(UnknownRecord)
    }

    fn learn_interface(&mut self, record: &InterfaceRecord) {
        let key = (record.netns, record.ifindex);
        match InterfaceName::new(&bytes(record.name)) {
            Some(name) => {
                if self.interfaces.len() >= MAX_INTERFACES {
                    self.interfaces.clear();
                }
                self.interfaces.insert(key, name);
            }
            // The interface has gone.
            None => {
                self.interfaces.remove(&key);
            }
        }
    }

    fn interface(&self, record: &TransitionRecord) -> Option<Interface> {
        let name = || self.interfaces.get(&(record.netns, record.ifindex)).copied();
        NonZero::new(record.ifindex).map(|index| Interface { index, name: name() })
    }

    fn known_event(&self, record: &[u8], unix_offset_ns: i64) -> Option<Event> {
        let transition = |record: &TransitionRecord| Transition {
            interface: self.interface(record),
            ..transition(record, unix_offset_ns)
        };
        Some(match *record.first()? {
            kind::TRANSITION => Event::Transition(transition(&wire::from_bytes(record)?)),
            kind::PROCESS => {
                let record: ProcessRecord = wire::from_bytes(record)?;
                Event::Transition(Transition {
                    process: causing_process(&record),
                    cgroup: (record.cgroup != 0).then_some(record.cgroup),
                    ..transition(&record.transition)
                })
            }
            kind::CLOSE => {
                let record: CloseRecord = wire::from_bytes(record)?;
                Event::Transition(Transition {
                    kernel_tcp_stats: Some(kernel_tcp_stats(&record)),
                    ..transition(&record.transition)
                })
            }
            kind::TUPLE => {
                let record: TransitionRecord = wire::from_bytes(record)?;
                let (local, remote) = endpoints(&record);
                let is_observation = record.flags & flag::OBSERVED != 0;
                Event::Tuple { sock: sock(&record), local, remote, is_observation }
            }
            kind::MINISOCK_CREATED => {
                let record: MinisockCreatedRecord = wire::from_bytes(record)?;
                let interface = self.interface(&record.transition);
                Event::MinisockCreated(MinisockCreated {
                    interface,
                    ..minisock_created(&record, unix_offset_ns)
                })
            }
            kind::MINISOCK_REMOVED => minisock_removed(&wire::from_bytes(record)?, unix_offset_ns),
            kind::RESET_SENT => {
                let reset = reset_sent(&wire::from_bytes(record)?, unix_offset_ns, &self.reset_causes);
                Event::ResetSent(reset)
            }
            kind::SYN_RETRANSMITTED => {
                let SynRetransmittedRecord { sk, .. } = wire::from_bytes(record)?;
                Event::SynRetransmitted { sk }
            }
            kind::SYN_ERROR => {
                let SynErrorRecord { sk, error, .. } = wire::from_bytes(record)?;
                Event::SynError { sk, error }
            }
            kind::ACCEPT => {
                let AcceptRecord { kind: _, unused: _, sk, cookie, process } = wire::from_bytes(record)?;
                Event::Accept { sock: SockId { sk, cookie }, owner: owner(&process, OwnerHow::Accept) }
            }
            kind::PROCESS_RENAMED => {
                let ProcessRenamedRecord { kind: _, unused: _, mono_ns, process } = wire::from_bytes(record)?;
                // How it was found is not used.
                let Owner { pid, comm, started_ns, .. } = owner(&process, OwnerHow::Scan);
                let at = moment(mono_ns, unix_offset_ns);
                Event::ProcessRenamed(ProcessRenamed { at, pid, started_ns, comm })
            }
            _ => return None,
        })
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
        interface: None,
    }
}

fn minisock_created(record: &MinisockCreatedRecord, unix_offset_ns: i64) -> MinisockCreated {
    let MinisockCreatedRecord { transition, listener } = record;
    let (local, remote) = endpoints(transition);
    MinisockCreated {
        at: moment(transition.mono_ns, unix_offset_ns),
        sock: sock(transition),
        state: State::from_kernel(transition.new),
        is_observation: transition.flags & flag::OBSERVED != 0,
        family: family(local, remote),
        local,
        remote,
        netns: transition.netns,
        listener: (*listener != 0).then_some(*listener),
        interface: None,
    }
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
    let half_open = HalfOpenReset {
        local: Endpoint::from_bytes(bytes(record.local_addr), record.local_port),
        remote: Endpoint::from_bytes(bytes(record.remote_addr), record.remote_port),
        netns: record.netns,
        bound_to: NonZero::new(record.ifindex),
        arrived_on: NonZero::new(record.arrived_on),
    };
    ResetSent {
        at: moment(record.mono_ns, unix_offset_ns),
        sk: record.sk,
        state,
        half_open: (state == State::Listen).then_some(half_open),
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
        Endpoint::from_bytes(bytes(record.local_addr), record.local_port),
        Endpoint::from_bytes(bytes(record.remote_addr), record.remote_port),
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

/// The process that caused the transition; None for a kernel thread and for a thread that reads a snapshot.
fn causing_process(record: &ProcessRecord) -> Option<Owner> {
    let how = match (State::from_kernel(record.transition.old), State::from_kernel(record.transition.new)) {
        (_, State::SynSent) => OwnerHow::Connect,
        (_, State::Listen) => OwnerHow::Listen,
        _ => OwnerHow::Close,
    };
    (record.process.pid != 0).then(|| owner(&record.process, how))
}

/// A process as the owner of a socket.
pub fn owner(process: &Process, how: OwnerHow) -> Owner {
    let Process { pid, uid, started_ns, comm } = *process;
    let started_ns = (started_ns != 0).then_some(started_ns);
    Owner { pid, comm: Comm::new(bytes(comm)), uid: Some(uid), started_ns, how }
}

/// The bytes of two words.
pub fn bytes(words: [u64; 2]) -> [u8; 16] {
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
            ifindex: 0,
            unused: 0,
        }
    }

    fn words(text: &[u8]) -> [u64; 2] {
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text);
        let word = |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        [word(0), word(8)]
    }

    fn decoded(record: &[u8]) -> Event {
        Decoder::default().event(record, 5).unwrap().unwrap()
    }

    fn decoded_transition(record: &[u8]) -> Transition {
        let Event::Transition(transition) = decoded(record) else { panic!("no transition") };
        transition
    }

    #[test]
    fn a_mapped_address_on_an_ipv6_socket_is_ipv4() {
        let seen = decoded_transition(wire::as_bytes(&record(kind::TRANSITION)));
        assert_eq!(seen.family, Family::Ipv4);
        assert_eq!(seen.local, Endpoint { addr: IpAddr::from([10, 0, 0, 5]), port: 45_012 });
        assert_eq!((seen.old, seen.new), (State::Close, State::SynSent));
        assert_eq!(seen.at, Moment { mono_ns: 1_000, unix_ns: 1_005 });
        assert_eq!((seen.process, seen.interface), (None, None));
    }

    #[test]
    fn a_connecting_process_is_the_owner_but_a_kernel_thread_or_a_reader_of_a_snapshot_is_not() {
        let process = Process { pid: 12, uid: 1_000, started_ns: 77, comm: words(b"curl") };
        let mut with_process = ProcessRecord { transition: record(kind::PROCESS), process, cgroup: 0 };
        let owner = decoded_transition(wire::as_bytes(&with_process)).process.unwrap();
        assert_eq!(
            (owner.pid, owner.uid, owner.how, owner.comm.as_bytes(), owner.started_ns),
            (12, Some(1_000), OwnerHow::Connect, &b"curl"[..], Some(77))
        );
        with_process.process = Process::default();
        assert_eq!(decoded_transition(wire::as_bytes(&with_process)).process, None);
    }

    #[test]
    fn a_process_that_gets_another_name_is_an_event() {
        let process = Process { pid: 12, uid: 1_000, started_ns: 77, comm: words(b"sleep") };
        let record =
            ProcessRenamedRecord { kind: kind::PROCESS_RENAMED, unused: [0; 7], mono_ns: 1_000, process };
        let Event::ProcessRenamed(renamed) = decoded(wire::as_bytes(&record)) else { panic!("no rename") };
        assert_eq!((renamed.pid, renamed.started_ns, renamed.comm.as_bytes()), (12, Some(77), &b"sleep"[..]));
    }

    #[test]
    fn a_bound_socket_has_the_name_of_its_interface_in_its_own_namespace() {
        let mut decoder = Decoder::default();
        let mut named = |netns, name: &[u8]| {
            let record = InterfaceRecord {
                kind: kind::INTERFACE,
                unused: [0; 3],
                netns,
                ifindex: 3,
                unused_before_name: 0,
                name: words(name),
            };
            assert_eq!(decoder.event(wire::as_bytes(&record), 0), Ok(None));
            let bound = TransitionRecord { ifindex: 3, ..record_of_42() };
            let Ok(Some(Event::Transition(seen))) = decoder.event(wire::as_bytes(&bound), 0) else {
                panic!("no transition")
            };
            let interface = seen.interface.unwrap();
            assert_eq!(interface.index.get(), 3);
            interface.name.map(|name| name.as_bytes().to_vec())
        };
        assert_eq!(named(41, b"other"), None);
        assert_eq!(named(42, b"ab\xffcd"), Some(b"ab\xffcd".to_vec()));
        assert_eq!(named(42, b"renamed"), Some(b"renamed".to_vec()));
        assert_eq!(named(42, b""), None, "it has gone");
    }

    /// A transition in network namespace 42.
    fn record_of_42() -> TransitionRecord {
        record(kind::TRANSITION)
    }

    #[test]
    fn a_record_of_an_unknown_kind_or_shorter_than_its_kind_is_an_error() {
        let transition = record(kind::TRANSITION);
        for unknown in [
            &[][..],
            &wire::as_bytes(&transition)[..40],
            wire::as_bytes(&record(kind::PROCESS)),
            &[kind::INTERFACE; 31],
            &[kind::PROCESS_RENAMED; 47],
            // Only the iterators give these.
            wire::as_bytes(&record(kind::SNAPSHOT)),
            wire::as_bytes(&record(99)),
        ] {
            assert_eq!(Decoder::default().event(unknown, 0), Err(UnknownRecord), "{unknown:?}");
        }
    }
}
