//! The kernel functions that remove minisockets early, by their addresses.

/// Why a function removes a minisocket.
pub mod caller {
    /// `tcp_check_req`, `tcp_timewait_state_process`: a segment arrived for the minisocket.
    pub const SEGMENT: u8 = 1;
    /// `tcp_v4_err`, `tcp_v6_err`, `tcp_req_err`: an ICMP error arrived.
    pub const ICMP: u8 = 2;
    /// `tcp_abort`: an administrator ends the connection (`ss -K`).
    pub const ABORT: u8 = 3;
    /// `inet_twsk_purge`, `tcp_twsk_purge`: the network namespace ends.
    pub const NAMESPACE: u8 = 4;
    /// `tcp_v4_rcv`, `tcp_v6_rcv`, and none of the functions above: a segment arrived, and the half-open connection's
    /// listener listens no more, or the segment is none that the timewait socket takes.
    pub const RECEIVE: u8 = 5;
}

/// The code of one function, or of a part of one that the compiler has moved elsewhere.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    /// Its first address; 0 in a range that is not used.
    pub start: u64,
    /// The address behind its end.
    pub end: u64,
    /// See [`caller`].
    pub caller: u8,
    /// Aligns the end.
    pub unused: [u8; 7],
}

impl CodeRange {
    /// Contains no address.
    pub const EMPTY: Self = Self { start: 0, end: 0, caller: 0, unused: [0; 7] };
}

/// How many ranges of code the kernel side compares with.
pub const MAX_CALLERS: usize = 16;
