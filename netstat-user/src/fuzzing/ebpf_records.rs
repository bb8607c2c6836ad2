//! The records of the ring buffer and of the iterators.

use std::io::{self, Read};

use netstat_ebpf::wire::{
    self, AcceptRecord, CloseRecord, HolderRecord, InterfaceRecord, MinisockCreatedRecord,
    MinisockRemovedRecord, Plain, ProcessRecord, ProcessRenamedRecord, ResetSentRecord, SnapshotRecord,
    SocketFileRecord, SynErrorRecord, SynRetransmittedRecord, TransitionRecord, kind,
};

use crate::{
    model::Event,
    source::ebpf::{
        decode::{self, Decoder},
        reset_causes::ResetCauses,
        snapshot::{decode as snapshot, iterators},
    },
};

/// A record of the ring, and the bytes of an iterator.
pub fn ebpf_records(input: &[u8]) {
    let record = ring(input);
    if let Ok(event) = &record {
        let mut longer = input.to_vec();
        longer.push(0xff);
        assert_eq!(ring(&longer).as_ref(), Ok(event), "bytes after a record change it");
    }
    assert_eq!(record.is_ok(), size_of_kind(input).is_some_and(|size| input.len() >= size), "{input:?}");

    iterator(input, |record: &SnapshotRecord| {
        let socket = snapshot::socket(record, 5);
        assert_eq!((socket.sock.sk, socket.at.mono_ns), (record.transition.sk, record.transition.mono_ns));
    });
    iterator(input, |record: &HolderRecord| {
        let holder = snapshot::holder(record);
        assert_eq!((holder.sk, holder.owner.pid), (record.sk, record.process.pid));
    });
    iterator(input, |_: &SocketFileRecord| {});
}

fn ring(record: &[u8]) -> Result<Option<Event>, decode::UnknownRecord> {
    Decoder::new(ResetCauses::default()).event(record, 1_700_000_000_000_000_000)
}

/// The size of a record of the ring, by its kind.
pub(super) fn size_of_kind(record: &[u8]) -> Option<usize> {
    Some(match *record.first()? {
        kind::TRANSITION | kind::TUPLE => size_of::<TransitionRecord>(),
        kind::PROCESS => size_of::<ProcessRecord>(),
        kind::CLOSE => size_of::<CloseRecord>(),
        kind::MINISOCK_CREATED => size_of::<MinisockCreatedRecord>(),
        kind::MINISOCK_REMOVED => size_of::<MinisockRemovedRecord>(),
        kind::ACCEPT => size_of::<AcceptRecord>(),
        kind::RESET_SENT => size_of::<ResetSentRecord>(),
        kind::SYN_RETRANSMITTED => size_of::<SynRetransmittedRecord>(),
        kind::SYN_ERROR => size_of::<SynErrorRecord>(),
        kind::PROCESS_RENAMED => size_of::<ProcessRenamedRecord>(),
        kind::INTERFACE => size_of::<InterfaceRecord>(),
        _ => return None,
    })
}

/// An iterator gives every whole record however many bytes a read returns, and fails if the last one is truncated.
fn iterator<T: Plain>(bytes: &[u8], check: impl Fn(&T)) {
    let step = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let mut records = Vec::new();
    let read = iterators::read(InSteps { bytes, step }, &mut [0; 128], |record: T| records.push(record));
    assert_eq!(read.is_ok(), bytes.len().is_multiple_of(size_of::<T>()));
    assert_eq!(records.len(), bytes.len() / size_of::<T>());
    for (record, expected) in records.iter().zip(bytes.chunks_exact(size_of::<T>())) {
        assert_eq!(wire::as_bytes(record), expected);
        check(record);
    }
}

/// Returns at most `step` bytes at a time.
struct InSteps<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for InSteps<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.step.min(buffer.len());
        self.bytes.read(&mut buffer[..step])
    }
}
