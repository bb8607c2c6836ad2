//! What rnetstat-trace has to do: checked values, independent of the command line's syntax.

use std::{path::PathBuf, time::Duration};

use netstat_ebpf::wire;

use crate::filter::Filter;

/// What rnetstat-trace has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceCommand {
    /// Stream transitions.
    Trace(Box<TraceOptions>),
    /// Report what can be seen on this host.
    Doctor(DoctorOptions),
}

/// How `doctor` writes its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoctorOptions {
    /// One JSON object instead of text for people.
    pub json: bool,
    /// Whether the text is colored.
    pub color: bool,
}

/// The options of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The format of rows.
    pub format: Format,
    /// Whether the format for people uses colors.
    pub color: bool,
    /// Which rows are shown.
    pub filter: Filter,
    /// Whether the filter may change while the trace runs. Then the kernel omits nothing.
    pub filter_may_change: bool,
    /// When to stop, counted from the start.
    pub duration: Option<Duration>,
    /// After how many rows to stop.
    pub count: Option<u64>,
    /// Which source to use.
    pub source: SourceChoice,
    /// How often a polling source reads its table.
    pub poll_interval: Duration,
    /// The mount point of the proc file system that the proc source polls.
    pub proc_root: PathBuf,
    /// Whether to print diagnostics on stderr.
    pub verbose: bool,
    /// Size of the kernel's ring buffer in bytes, a power of two; None: in proportion to the memory.
    pub ring_bytes: Option<u32>,
    /// The limit of this process's memory, bytes; None if there is none.
    pub memory_limit: Option<u64>,
    /// Which hook reports state transitions.
    pub state_hook: StateHook,
    /// Which hooks report request sockets, timewait sockets and the local port in SYN_SENT.
    pub minisock_hook: MinisockHook,
    /// Whether to show a row for each connection that is open at the start.
    pub existing: bool,
    /// How many connections the table holds at most.
    pub table_size: usize,
    /// How often the table is compared with a full snapshot.
    pub reconcile_interval: Duration,
}

/// The format of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    #[default]
    Line,
    /// JSON Lines.
    Json,
    /// Comma-separated values with a header row.
    Csv,
}

/// Which source to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceChoice {
    /// The best that works.
    #[default]
    Auto,
    /// eBPF programs, or an error.
    Ebpf,
    /// Polling of /proc, or an error.
    Proc,
    /// Polling of Windows' TCP table, or an error.
    Windows,
}

/// Which hook reports state transitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateHook {
    /// The best that loads.
    #[default]
    Auto,
    /// `tp_btf`, which loses nothing, or an error.
    TpBtf,
    /// The classic tracepoint, or an error.
    Tracepoint,
}

/// Which hooks report request sockets, timewait sockets and the local port in SYN_SENT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinisockHook {
    /// The best that load.
    #[default]
    Auto,
    /// fentry and fexit programs on the functions that create them, or an error.
    Fentry,
    /// The tracepoints of their timers, or an error.
    Timer,
}

impl TraceOptions {
    /// What the kernel side may omit: nothing if the filter may change.
    pub fn kernel_filter(&self) -> wire::Filter {
        if self.filter_may_change { wire::Filter::ALL } else { self.filter.for_kernel() }
    }
}
