//! The programs that a start has loaded, and what they can't report.

use aya::Ebpf;

use super::super::{hooks::HookSet, reset_causes::ResetCauses, snapshot::Snapshotter};
use crate::model::Missing;

/// Loaded programs; they leave the kernel with the value, or with the process.
pub struct Loaded {
    /// The object, its maps and links.
    pub ebpf: Ebpf,
    /// What can't be seen.
    pub missing: Vec<Missing>,
    /// Whether the local port in SYN_SENT is seen.
    pub syn_sent_port: bool,
    /// Whether half-open connections and TIME_WAIT are seen.
    pub minisocks: bool,
    /// Whether the RSTs that this host sends are seen.
    pub resets_sent: bool,
    /// Whether repeated SYNs and SYN-ACKs are seen.
    pub syn_retransmits: bool,
    /// The names of the causes of RSTs.
    pub reset_causes: ResetCauses,
    /// The program whose skipped runs are lost transitions.
    pub state_program: &'static str,
    /// Takes snapshots of all sockets and their holders.
    pub snapshotter: Option<Snapshotter>,
}

/// Each fact that the set would report, missing for this reason.
pub fn without(set: &HookSet, why: &str) -> impl Iterator<Item = Missing> {
    set.facts.iter().map(|what| Missing { what: (*what).into(), why: why.to_owned() })
}
