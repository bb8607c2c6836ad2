//! From records to rows to text: the events and snapshots that records make are applied to a table, and each row is
//! written in every format and read back.

mod rows;

use netstat_ebpf::wire::{self, HolderRecord, SnapshotRecord, kind};

use super::ebpf_records::size_of_kind;
use crate::{
    model::{Moment, Row, Snapshot, SnapshotKind, Source, SourceCapabilities},
    source::ebpf::{
        decode::{self, Decoder},
        snapshot::decode as snapshot,
    },
    table::{Retention, Table, TableOptions},
};

/// A small table is full early.
const TABLE_SIZE: usize = 8;
/// Not the kind of a record: the time passes, and a snapshot of all sockets is taken.
const TICK: u8 = b't';
const SNAPSHOT: u8 = b's';
/// The kernel's clock does not reach this time, in nanoseconds, for a century.
const END_OF_TIME: u64 = 1 << 62;
const UNIX_OFFSET_NS: i64 = 1_700_000_000_000_000_000;

/// Records of the ring one after the other; `t` and a time; `s`, how many sockets and holders follow, and their records.
pub fn trace(input: &[u8]) {
    let mut table = Table::new(TableOptions {
        capabilities: SourceCapabilities {
            source: Source::Ebpf,
            tuples: true,
            minisocks: true,
            resets_sent: true,
            syn_retransmits: true,
        },
        limit: TABLE_SIZE,
        retention: Retention::All,
        omits_states: false,
        owner_policy: |known, closing| known != closing,
        process_start: |pid| (pid % 3 != 0).then(|| u64::from(pid % 2)),
    });
    let mut decoder = Decoder::default();
    let mut now = Moment::default();
    let mut each = |row: &Row| rows::check(row, &input[..input.len().min(64)]);
    let mut rest = Records(input);
    while let Some((kind, after)) = rest.0.split_first() {
        match *kind {
            TICK => {
                rest.0 = after;
                let Some(time) = rest.take::<8>() else { break };
                now = decode::moment(u64::from_ne_bytes(time) % END_OF_TIME, UNIX_OFFSET_NS);
                table.tick(now, &mut each);
                table.needs_owner_lookup(now);
            }
            SNAPSHOT => {
                rest.0 = after;
                table.expect_snapshot();
                let _ = table.merge(&rest.snapshot(now), &mut each);
            }
            _ => {
                let Some((record, after)) =
                    size_of_kind(rest.0).and_then(|size| rest.0.split_at_checked(size))
                else {
                    break;
                };
                rest.0 = after;
                let mut record = record.to_vec();
                // The last byte of the time, in the kinds of records that have one.
                if !matches!(record[0], kind::ACCEPT | kind::SYN_RETRANSMITTED | kind::SYN_ERROR) {
                    record[15] &= 0x3f;
                }
                let event = decoder.event(&record, UNIX_OFFSET_NS).expect("a whole record of a known kind");
                if let Some(event) = event {
                    now = event.at().unwrap_or(now);
                    table.apply(&event, &mut each);
                }
            }
        }
        assert!(table.connections().len() <= TABLE_SIZE, "the table grows beyond its size");
    }
    table.release_all(&mut each);
    for row in table.connections().existing_rows(now) {
        each(&row);
    }
}

/// The input that is not read yet.
struct Records<'a>(&'a [u8]);

impl Records<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, after) = self.0.split_first_chunk()?;
        self.0 = after;
        Some(*first)
    }

    fn snapshot(&mut self, now: Moment) -> Snapshot {
        let [sockets, holders] = self.take().unwrap_or_default().map(|count: u8| count % 16);
        let sockets = (0..sockets).map_while(|_| {
            let mut record: SnapshotRecord =
                wire::from_bytes(&self.take::<{ size_of::<SnapshotRecord>() }>()?)?;
            record.transition.mono_ns %= END_OF_TIME;
            Some(snapshot::socket(&record, UNIX_OFFSET_NS))
        });
        let sockets: Vec<_> = sockets.collect();
        let holders = (0..holders).map_while(|_| {
            let record: HolderRecord = wire::from_bytes(&self.take::<{ size_of::<HolderRecord>() }>()?)?;
            Some(snapshot::holder(&record))
        });
        let mut holders: Vec<_> = holders.collect();
        snapshot::sort(&mut holders);
        let times = sockets.iter().map(|socket| socket.at);
        let netns_covered = sockets.iter().map(|socket| socket.netns).take(2).collect();
        Snapshot {
            kind: SnapshotKind::Full,
            started: times.clone().chain([now]).min_by_key(|at| at.mono_ns).unwrap_or(now),
            finished: times.chain([now]).max_by_key(|at| at.mono_ns).unwrap_or(now),
            sockets,
            holders,
            netns_covered,
            ..Snapshot::default()
        }
    }
}
