//! What the program has been asked to do: checked, and without a trace of how it was written.

use std::{path::PathBuf, time::Duration};

use crate::{cli::Cli, filter::Filter};

/// What the program has been asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceCommand {
    /// Trace.
    Trace(Box<TraceOptions>),
    /// Say what can be seen here.
    Doctor(DoctorOptions),
}

/// How `doctor` speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoctorOptions {
    /// One JSON object instead of text for people.
    pub json: bool,
    /// Whether the text has colours.
    pub color: bool,
}

/// What the trace has been asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// How rows are written.
    pub format: Format,
    /// Whether rows for people have colours.
    pub color: bool,
    /// Which rows are shown.
    pub filter: Filter,
    /// When to stop, from the start.
    pub duration: Option<Duration>,
    /// After how many rows to stop.
    pub count: Option<u64>,
    /// Where the events come from.
    pub source: SourceChoice,
    /// How often the sources look that only look.
    pub poll_interval: Duration,
    /// Where the proc file system is that the proc source looks at.
    pub proc_root: PathBuf,
    /// Whether diagnostics are wanted.
    pub verbose: bool,
    /// Size of the kernel's ring buffer, bytes: a power of two.
    pub ring_bytes: u32,
    /// Which hook sees the transitions.
    pub state_hook: StateHook,
    /// Which hooks see half-open connections, TIME_WAIT and the local port in SYN_SENT.
    pub minisock_hook: MinisockHook,
    /// Whether the connections of before the start are shown.
    pub existing: bool,
    /// How many connections the table remembers.
    pub table_size: usize,
    /// How often the table is held against the kernel.
    pub reconcile_interval: Duration,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Line,
    /// JSON Lines.
    Json,
    /// Comma-separated values with a header row.
    Csv,
}

/// Where the events come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceChoice {
    /// The best that works.
    #[default]
    Auto,
    /// The kernel's own events, or an error.
    Ebpf,
    /// Looks at /proc, or an error.
    Proc,
    /// Looks at Windows' TCP table, or an error.
    Windows,
}

/// Which hook sees the transitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StateHook {
    /// The best that loads.
    #[default]
    Auto,
    /// `tp_btf`, which loses nothing, or an error.
    #[value(name = "tp_btf")]
    TpBtf,
    /// The classic tracepoint, or an error.
    Tracepoint,
}

/// Which hooks see half-open connections, TIME_WAIT and the local port in SYN_SENT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MinisockHook {
    /// The best that load.
    #[default]
    Auto,
    /// fentry and fexit of the functions that make them, or an error.
    Fentry,
    /// The tracepoints of their timers, or an error.
    Timer,
}

impl TraceOptions {
    /// What the arguments ask for; `color_by_default` decides for `--color auto`.
    ///
    /// # Errors
    /// One line that names the arguments that contradict each other.
    pub fn from_cli(cli: Cli, color_by_default: bool) -> Result<Self, String> {
        let Cli { command: _, output, filter, limit, source } = cli;
        let format = match (output.json, output.format) {
            (true, Some(format)) if format != Format::Json => {
                return Err("'--json' and another '--format' contradict each other: leave one out".to_owned());
            }
            (true, _) => Format::Json,
            (false, format) => format.unwrap_or_default(),
        };
        let color = output.color.decide(color_by_default);
        Ok(Self {
            format,
            color,
            filter: filter.into_filter()?,
            duration: limit.duration,
            count: limit.count,
            source: source.choice(),
            poll_interval: source.interval,
            proc_root: source.proc_root,
            verbose: source.verbose,
            ring_bytes: source.ring_size,
            state_hook: source.state_hook,
            minisock_hook: source.minisock_hook,
            existing: output.existing,
            table_size: source.table_size.get(),
            reconcile_interval: source.reconcile_interval,
        })
    }
}
