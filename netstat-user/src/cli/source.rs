//! The options of the source of events.

use std::{num::NonZero, path::PathBuf, time::Duration};

use super::{count, duration, size};
use crate::{
    args::value::{text, word},
    options::{MinisockHook, SourceChoice, StateHook},
};

/// The options of the source of events.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Where the events come from; auto (the default) takes the best that works
    #[arg(
        long,
        value_parser = word::<SourceChoice>("source", false),
        default_value = "auto",
        hide_default_value = true,
        value_name = "auto|ebpf|proc|windows"
    )]
    pub source: SourceChoice,

    /// How often a polling source reads /proc or Windows' TCP table
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1s",
        allow_hyphen_values = true,
        value_parser = text(duration::parse)
    )]
    pub interval: Duration,

    /// The mount point of the proc file system that --source proc reads; in a container, the host's
    #[arg(long, value_name = "PATH", default_value = "/proc")]
    pub proc_root: PathBuf,

    /// Size of the kernel's ring buffer for events, a power of two: 64K, 16M (default: 16M, less where memory is limited)
    #[arg(
        long,
        value_name = "SIZE",
        allow_hyphen_values = true,
        value_parser = text(size::parse_ring)
    )]
    pub ring_size: Option<u32>,

    /// How many connections the table holds at most (default: 1000000, fewer where memory is limited)
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        value_parser = text(count::parse_connections)
    )]
    pub table_size: Option<NonZero<usize>>,

    /// Diagnostics on stderr, those of the kernel programs included
    #[arg(short, long)]
    pub verbose: bool,

    /// How often the table is compared with a full snapshot.
    #[arg(long, hide = true, value_name = "TIME", default_value = "60s", value_parser = text(duration::parse))]
    pub reconcile_interval: Duration,

    /// Which hook reports state transitions.
    #[arg(
        long,
        hide = true,
        value_name = "HOOK",
        default_value = "auto",
        value_parser = word::<StateHook>("hook of state transitions", false)
    )]
    pub state_hook: StateHook,

    /// Which hooks report request sockets, timewait sockets and the local port in SYN_SENT.
    #[arg(
        long = "life-hook",
        hide = true,
        value_name = "HOOK",
        default_value = "auto",
        value_parser = word::<MinisockHook>("kind of hooks", false)
    )]
    pub minisock_hook: MinisockHook,
}

impl SourceArgs {
    /// Where the events come from. An option that selects a hook also selects eBPF.
    pub fn choice(&self) -> SourceChoice {
        match self.source {
            SourceChoice::Auto
                if self.state_hook != StateHook::Auto || self.minisock_hook != MinisockHook::Auto =>
            {
                SourceChoice::Ebpf
            }
            choice => choice,
        }
    }
}
