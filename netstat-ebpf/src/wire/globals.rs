//! The layout of the classic tracepoint's record, and the filter: read-only globals that user space sets before the load.

/// Byte offsets of the fields in the classic tracepoint's record, from its `format` file.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassicFormat {
    /// `skaddr`, 8 bytes.
    pub skaddr: u32,
    /// `oldstate`, 4 bytes.
    pub oldstate: u32,
    /// `newstate`, 4 bytes.
    pub newstate: u32,
    /// `sport`, 2 bytes, host byte order.
    pub sport: u32,
    /// `dport`, 2 bytes, host byte order.
    pub dport: u32,
    /// `family`, 2 bytes.
    pub family: u32,
    /// `protocol`, 2 bytes.
    pub protocol: u32,
    /// `saddr_v6`, 16 bytes; an IPv4 address is mapped.
    pub saddr_v6: u32,
    /// `daddr_v6`, 16 bytes; an IPv4 address is mapped.
    pub daddr_v6: u32,
}

impl ClassicFormat {
    /// For programs that don't read the record.
    pub const NONE: Self = Self {
        skaddr: 0,
        oldstate: 0,
        newstate: 0,
        sport: 0,
        dport: 0,
        family: 0,
        protocol: 0,
        saddr_v6: 0,
        daddr_v6: 0,
    };
}

/// How many port ranges the kernel side compares for each endpoint.
pub const MAX_RANGES: usize = 4;

/// An inclusive range of ports in host byte order; empty if `first > last`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// Contains no port.
    pub const EMPTY: Self = Self { first: 1, last: 0 };
}

/// The transitions that the kernel side drops: only those that change nothing in the output.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// For each old state, the set (bit N is state N) of new states whose transitions are dropped.
    pub dropped: [u16; 16],
    /// 1 if `dropped` drops anything.
    pub by_states: u32,
    /// 0 keeps both families, 1 drops all but IPv4, 2 drops all but IPv6.
    pub family: u32,
    /// 1 if `local` has to match.
    pub by_local: u32,
    /// 1 if `remote` has to match.
    pub by_remote: u32,
    /// 1 if `either` has to match.
    pub by_either: u32,
    /// Ranges for the local port.
    pub local: [PortRange; MAX_RANGES],
    /// Ranges for the remote port.
    pub remote: [PortRange; MAX_RANGES],
    /// Ranges for either port: the local or the remote port has to be in one of them.
    pub either: [PortRange; MAX_RANGES],
}

impl Filter {
    /// Drops nothing.
    pub const ALL: Self = Self {
        dropped: [0; 16],
        by_states: 0,
        family: 0,
        by_local: 0,
        by_remote: 0,
        by_either: 0,
        local: [PortRange::EMPTY; MAX_RANGES],
        remote: [PortRange::EMPTY; MAX_RANGES],
        either: [PortRange::EMPTY; MAX_RANGES],
    };
}
