//! How many sockets a snapshot or a poll may have: the kernel kills a process that takes more memory than its limit.

use std::fmt;

use crate::default_sizes;

/// How many sockets there is memory for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    memory_limit: Option<u64>,
    sockets: usize,
}

/// More memory than there is; its text follows "it takes".
#[derive(Debug)]
pub(super) struct Excess {
    /// What the sockets take, rounded up.
    needed_mib: u64,
    limit_mib: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed_mib, limit_mib } = self;
        write!(
            f,
            "{needed_mib} MiB, and the memory of this process's cgroup is limited to {limit_mib} MiB: raise the limit"
        )
    }
}

impl Capacity {
    /// Within the limit of this process's memory, bytes; None if there is none.
    pub(super) fn within(memory_limit: Option<u64>) -> Self {
        let sockets = memory_limit.map_or(usize::MAX, default_sizes::connections_within);
        Self { memory_limit, sockets }
    }

    /// How many sockets there is memory for.
    pub(super) fn sockets(self) -> usize {
        self.sockets
    }

    /// What is lacking for so many sockets; None if there is memory for them.
    pub(super) fn excess(self, sockets: usize) -> Option<Excess> {
        let limit = self.memory_limit.filter(|_| sockets > self.sockets)?;
        let needed_mib = default_sizes::needed_for(sockets, limit).div_ceil(1 << 20);
        Some(Excess { needed_mib, limit_mib: limit >> 20 })
    }
}
