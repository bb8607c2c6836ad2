//! The contenders: no tracer, the baseline programs, rnetstat-trace, and its peers.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use netstat_tests::{process::Process, wait};

use super::{
    baseline::{Baseline, Wakeup},
    usage,
};

/// The pause between the attachment of a tracer and the load.
const SETTLE: Duration = Duration::from_millis(500);
/// A bpftrace program that prints what tcpstates prints.
const BPFTRACE: &str = r#"tracepoint:sock:inet_sock_set_state /args->protocol == 6/ {
    printf("%p %d %d %d %d %s\n", args->skaddr, args->sport, args->dport, args->oldstate, args->newstate, comm); }"#;
/// The peers, with their programs and Debian packages.
const PEERS: [(Contender, &str, &str); 2] =
    [(Contender::Tcpstates, "tcpstates", "libbpf-tools"), (Contender::Bpftrace, "bpftrace", "bpftrace")];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// The load without a tracer.
    Untraced,
    /// Empty programs on the tracepoints that rnetstat-trace uses.
    Empty,
    /// The empty programs, but one submits a ring buffer record for each transition.
    EmptyAndRecord,
    /// Like [`Self::EmptyAndRecord`], and each record wakes the reader.
    EmptyAndWakeup,
    /// `rnetstat-trace --json`.
    RnetstatTrace,
    /// tcpstates of libbpf-tools.
    Tcpstates,
    /// bpftrace, which prints a line for each transition.
    Bpftrace,
}

/// All contenders that work on this machine. Reports on stderr which do not, and why.
pub fn find(tracer: &Path) -> Vec<Contender> {
    let mut contenders = vec![
        Contender::Untraced,
        Contender::Empty,
        Contender::EmptyAndRecord,
        Contender::EmptyAndWakeup,
        Contender::RnetstatTrace,
    ];
    for (peer, program, package) in PEERS {
        if which::which(program).is_err() {
            eprintln!("left out: {program} is not installed (Debian package {package})");
        } else if let Err(error) = peer.start(tracer, Path::new("/dev/null")).and_then(Running::stop) {
            eprintln!("left out: {program} doesn't work here: {error:#}");
        } else {
            contenders.push(peer);
        }
    }
    contenders
}

impl Contender {
    /// Whether it is a process of its own.
    pub fn is_process(self) -> bool {
        match self {
            Self::Untraced | Self::Empty | Self::EmptyAndRecord | Self::EmptyAndWakeup => false,
            Self::RnetstatTrace | Self::Tcpstates | Self::Bpftrace => true,
        }
    }

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Untraced => "untraced",
            Self::Empty => "empty programs",
            Self::EmptyAndRecord => "empty + record",
            Self::EmptyAndWakeup => "empty + record + wakeup",
            Self::RnetstatTrace => "rnetstat-trace --json",
            Self::Tcpstates => "tcpstates",
            Self::Bpftrace => "bpftrace",
        }
    }

    /// Starts it with its output in the file, and waits until its programs are attached.
    pub fn start(self, tracer: &Path, output: &Path) -> Result<Running> {
        let mut command = match self {
            Self::Untraced => return Ok(Running::Untraced),
            Self::Empty => return Ok(Running::Baseline(Baseline::empty()?)),
            Self::EmptyAndRecord => return Ok(Running::Baseline(Baseline::with_record(Wakeup::Never)?)),
            Self::EmptyAndWakeup => return Ok(Running::Baseline(Baseline::with_record(Wakeup::Always)?)),
            Self::RnetstatTrace => {
                let mut command = Command::new(tracer);
                command.arg("--json");
                command
            }
            Self::Tcpstates => Command::new("tcpstates"),
            Self::Bpftrace => {
                let mut command = Command::new("bpftrace");
                command.args(["-e", BPFTRACE]);
                command
            }
        };
        let file = File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn();
        let mut process = Process::new(child.with_context(|| format!("cannot start {}", self.name()))?);
        wait::until(&format!("{} has attached", self.name()), || {
            if let Some(status) = process.try_wait()? {
                bail!("{} ended before it attached: {status}", self.name());
            }
            Ok((usage::bpf_programs(process.id())?.attached > 0).then_some(()))
        })?;
        thread::sleep(SETTLE);
        Ok(Running::Process(process))
    }

    /// Whether it is the tracer of this project, which alone has targets.
    pub fn is_ours(self) -> bool {
        self == Self::RnetstatTrace
    }
}

/// A contender that has been started.
pub enum Running {
    Untraced,
    /// Programs that xtask has attached. Dropping the value detaches them.
    Baseline(#[expect(dead_code, reason = "held until the run is over")] Baseline),
    /// A process. Dropping the value ends it.
    Process(Process),
}

impl Running {
    /// The process that holds the contender's BPF programs: xtask itself for the baseline.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Process(process) => process.id(),
            Self::Untraced | Self::Baseline(_) => std::process::id(),
        }
    }

    /// CPU time of the contender's own process in seconds; 0 if it has none.
    pub fn cpu_seconds(&self) -> Result<f64> {
        match self {
            Self::Process(process) => usage::cpu_seconds(process.id()),
            Self::Untraced | Self::Baseline(_) => Ok(0.0),
        }
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(self) -> Result<()> {
        match self {
            Self::Process(mut process) => {
                process.interrupt()?;
                process.wait()?;
                Ok(())
            }
            Self::Untraced | Self::Baseline(_) => Ok(()),
        }
    }
}
