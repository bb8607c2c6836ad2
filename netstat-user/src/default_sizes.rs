//! The sizes that the user has not given: in proportion to the memory that this process may use.

use netstat_ebpf::wire::RING_BYTES;

/// How many connections the table holds at most where memory is not limited.
const TABLE_SIZE: usize = 1_000_000;
/// The ring buffer takes at most one part in this many of the memory.
const RING_SHARE: u64 = 32;
/// The smallest ring buffer: the largest page size.
const SMALLEST_RING_BYTES: u32 = 64 << 10;
/// What a trace takes beside its ring buffer and its connections, bytes, once the kernel's BTF is given back.
const BASE_BYTES: u64 = 10 << 20;
/// What a start by eBPF takes beside its ring buffer and the kernel's BTF, bytes.
const EBPF_BASE_BYTES: u64 = 10 << 20;
/// What a start takes for each byte of the kernel's BTF: this program and aya parse it at the same time.
const BTF_FACTOR: u64 = 5;
/// What a place in the table takes, with those in the maps beside it, bytes. A map has as many places as a power of two, and
/// leaves one in [`FREE_SHARE`] free.
const PLACE_BYTES: u64 = 290;
const FREE_SHARE: u64 = 8;
/// What a connection takes beside that while a snapshot or a poll is merged and its row waits, bytes.
const CONNECTION_BYTES: u64 = 375;

/// The size of the ring buffer where memory is limited to this, bytes: a power of two.
pub fn ring_bytes(memory_limit: Option<u64>) -> u32 {
    let Some(limit) = memory_limit else { return RING_BYTES };
    let share = u32::try_from(limit / RING_SHARE).unwrap_or(u32::MAX).clamp(SMALLEST_RING_BYTES, RING_BYTES);
    1 << share.ilog2()
}

/// How many connections the table holds at most.
pub fn table_size(memory_limit: Option<u64>) -> usize {
    memory_limit.map_or(TABLE_SIZE, |limit| connections_within(limit).clamp(1, TABLE_SIZE))
}

/// How many connections there is memory for.
pub fn connections_within(memory_limit: u64) -> usize {
    let rest = memory_limit.saturating_sub(BASE_BYTES + u64::from(ring_bytes(Some(memory_limit))));
    let fit = (3..32).map(|power| {
        let places = 1_u64 << power;
        let room = rest.saturating_sub(places * PLACE_BYTES) / CONNECTION_BYTES;
        room.min(places - places / FREE_SHARE)
    });
    usize::try_from(fit.max().unwrap_or(0)).unwrap_or(usize::MAX)
}

/// How much memory a trace of that many connections takes, bytes.
pub fn needed_for(connections: usize, memory_limit: u64) -> u64 {
    let connections = connections as u64;
    let places = (connections * FREE_SHARE / (FREE_SHARE - 1)).next_power_of_two().max(FREE_SHARE);
    let ring = u64::from(ring_bytes(Some(memory_limit)));
    BASE_BYTES + ring + PLACE_BYTES * places + CONNECTION_BYTES * connections
}

/// How much memory a start by eBPF takes, bytes, if that is more than the limit. `btf_bytes` is the length of the kernel's BTF.
pub fn lacking_for_ebpf(memory_limit: Option<u64>, btf_bytes: u64, ring_bytes: u32) -> Option<u64> {
    let needed = EBPF_BASE_BYTES + u64::from(ring_bytes) + BTF_FACTOR * btf_bytes;
    memory_limit.filter(|limit| *limit < needed).map(|_| needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_ring_is_a_power_of_two_and_a_small_part_of_the_memory() {
        for (limit, expected) in [
            (None, 16 << 20),
            (Some(u64::MAX), 16 << 20),
            (Some(512 * MIB), 16 << 20),
            (Some(512 * MIB - 1), 8 << 20),
            (Some(64 * MIB), 2 << 20),
            (Some(48 * MIB), 1 << 20),
            (Some(MIB), 64 << 10),
            (Some(0), 64 << 10),
        ] {
            assert_eq!(ring_bytes(limit), expected, "{limit:?}");
        }
    }

    #[test]
    fn fifty_thousand_connections_fit_into_48_mib() {
        assert!((50_000..60_000).contains(&table_size(Some(48 * MIB))), "{}", table_size(Some(48 * MIB)));
        assert_eq!(table_size(None), 1_000_000);
        assert_eq!(table_size(Some(1 << 40)), 1_000_000);
        assert_eq!(table_size(Some(0)), 1);
    }

    #[test]
    fn ebpf_needs_several_times_the_kernel_s_btf_and_its_ring() {
        let lacking = |limit| lacking_for_ebpf(limit, 5 * MIB, 1 << 20);
        assert_eq!((lacking(None), lacking(Some(48 * MIB))), (None, None));
        let needed = lacking(Some(20 * MIB)).unwrap();
        assert!((30 * MIB..40 * MIB).contains(&needed), "{needed}");
        assert_eq!((lacking(Some(needed)), lacking(Some(needed - 1))), (None, Some(needed)));
        assert_eq!(lacking_for_ebpf(Some(0), 6 * MIB, 1 << 20), Some(needed + BTF_FACTOR * MIB));
        assert_eq!(lacking_for_ebpf(Some(0), 5 * MIB, 2 << 20), Some(needed + MIB));
    }

    #[test]
    fn a_map_that_doubles_has_to_fit() {
        let places = 7 << 13;
        let doubled = needed_for(places + 1, 64 * MIB) - needed_for(places, 64 * MIB);
        assert_eq!(doubled, (1 << 16) * PLACE_BYTES + CONNECTION_BYTES);
        assert_eq!(connections_within(64 * MIB), places);
    }

    #[test]
    fn as_much_is_needed_as_there_is_for_the_connections_that_fit() {
        for limit in [20 * MIB, 48 * MIB, 64 * MIB, 65 * MIB, 128 * MIB, 300 * MIB, 1 << 33] {
            let fit = connections_within(limit);
            assert!(needed_for(fit, limit) <= limit && needed_for(fit + 1, limit) > limit, "{limit}");
        }
    }
}
