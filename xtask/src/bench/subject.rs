//! Who is measured: nobody, the tracer, its peers, and the floor.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use netstat_tests::{process::Process, wait};

use super::{
    fdinfo,
    floor::{Floor, Wakeup},
};

/// How long a tracer gets to settle once it has attached.
const SETTLE: Duration = Duration::from_millis(500);

/// One that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The load alone.
    Nobody,
    /// An empty program on the tracepoints that ours uses.
    Floor,
    /// The same, with a record in a ring for each transition.
    Record,
    /// The same, with a wakeup for each record.
    Wakeup,
    /// rnetstat-trace --json.
    Ours,
    /// libbpf-tools' tcpstates.
    Tcpstates,
    /// bpftrace, printing a line for each transition.
    Bpftrace,
}

/// The peers, with the Debian package that has them.
const PEERS: [(Subject, &str, &str); 2] =
    [(Subject::Tcpstates, "tcpstates", "libbpf-tools"), (Subject::Bpftrace, "bpftrace", "bpftrace")];
/// What tcpstates shows, by bpftrace.
const BPFTRACE: &str = r#"tracepoint:sock:inet_sock_set_state /args->protocol == 6/ {
    printf("%p %d %d %d %d %s\n", args->skaddr, args->sport, args->dport, args->oldstate, args->newstate, comm); }"#;

/// Nobody, the floor, ours, and the peers that work here; says of the others why they don't.
pub fn all(tracer: &Path) -> Vec<Subject> {
    let mut subjects = vec![Subject::Nobody, Subject::Floor, Subject::Record, Subject::Wakeup, Subject::Ours];
    for (peer, program, package) in PEERS {
        if which::which(program).is_err() {
            eprintln!("left out: {program} is not installed (Debian package {package})");
        } else if let Err(error) = peer.start(tracer, Path::new("/dev/null")).and_then(Running::stop) {
            eprintln!("left out: {program} doesn't work here: {error:#}");
        } else {
            subjects.push(peer);
        }
    }
    subjects
}

impl Subject {
    /// Whether it has no process to measure.
    pub fn is_nobody(self) -> bool {
        matches!(self, Self::Nobody | Self::Floor | Self::Record | Self::Wakeup)
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "untraced",
            Self::Floor => "empty programs",
            Self::Record => "and a record",
            Self::Wakeup => "and a wakeup",
            Self::Ours => "rnetstat-trace --json",
            Self::Tcpstates => "tcpstates",
            Self::Bpftrace => "bpftrace",
        }
    }

    /// Starts it with its output in the file, and waits until it sees what happens.
    pub fn start(self, tracer: &Path, output: &Path) -> Result<Running> {
        let mut command = match self {
            Self::Nobody => return Ok(Running::Nothing),
            Self::Floor => return Ok(Running::Floor(Floor::empty()?)),
            Self::Record => return Ok(Running::Floor(Floor::with_record(Wakeup::Never)?)),
            Self::Wakeup => return Ok(Running::Floor(Floor::with_record(Wakeup::Each)?)),
            Self::Ours => {
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
        let file = File::create(output).with_context(|| format!("creating {}", output.display()))?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn();
        let mut process = Process::new(child.with_context(|| format!("starting {}", self.name()))?);
        wait::until(&format!("{} has attached", self.name()), || {
            if let Some(status) = process.try_wait()? {
                bail!("it ended with {status}");
            }
            Ok((fdinfo::programs(process.id())?.attached > 0).then_some(()))
        })?;
        thread::sleep(SETTLE);
        Ok(Running::Tracer(process))
    }
}

/// Where a tracer's output goes.
pub fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("rnetstat-bench-{}", std::process::id()))
}

/// Somebody who watches.
pub enum Running {
    /// Nobody.
    Nothing,
    /// The empty programs, which go with this value.
    Floor(#[expect(dead_code, reason = "held until the run is over")] Floor),
    /// A process, which ends with this value.
    Tracer(Process),
}

impl Running {
    /// The process whose programs and CPU are meant: ours for the floor.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Tracer(process) => process.id(),
            Self::Nothing | Self::Floor(_) => std::process::id(),
        }
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(self) -> Result<()> {
        if let Self::Tracer(mut process) = self {
            process.interrupt()?;
            process.wait()?;
        }
        Ok(())
    }
}
