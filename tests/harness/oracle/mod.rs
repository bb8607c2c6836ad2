//! The kernel's own record of every transition: a tracefs instance with one event enabled.

mod page;
mod record;

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};

use crate::address_block::AddressBlock;

pub use record::{Protocol, Record};

const TRACEFS: &str = "/sys/kernel/tracing";
const EVENT: &str = "events/sock/inet_sock_set_state";
const PREFIX: &str = "rnetstat-tests-";

/// Room for each CPU's part of an ordinary test's record, KiB.
pub const ORDINARY: u32 = 4 << 10;

/// A running record, ended and removed when dropped.
pub struct Oracle {
    instance: PathBuf,
    layout: record::Layout,
    cpus: Vec<(PathBuf, File)>,
}

impl Oracle {
    /// Starts a record of the transitions that have one of the blocks' ports at either end: whatever else
    /// happens on the machine must not fill the buffer. `buffer_kib` is each CPU's room.
    pub fn start(buffer_kib: u32, blocks: &[&AddressBlock]) -> Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        mount_tracefs()?;
        remove_leftovers()?;
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let instance = Path::new(TRACEFS).join("instances").join(name);
        fs::create_dir(&instance).with_context(|| format!("making {}", instance.display()))?;
        let layout = record::Layout::read(&Path::new(TRACEFS).join(EVENT).join("format"))?;
        let mut oracle = Self { instance, layout, cpus: Vec::new() };
        oracle.write("trace_clock", "mono")?;
        oracle.write("buffer_size_kb", &buffer_kib.to_string())?;
        oracle.write(&format!("{EVENT}/filter"), &filter(blocks)?)?;
        oracle.open_cpus()?;
        oracle.write(&format!("{EVENT}/enable"), "1")?;
        Ok(oracle)
    }

    fn open_cpus(&mut self) -> Result<()> {
        for entry in fs::read_dir(self.instance.join("per_cpu"))? {
            let directory = entry?.path();
            let mut options = File::options();
            options.read(true).custom_flags(libc::O_NONBLOCK);
            let pipe = options.open(directory.join("trace_pipe_raw"))?;
            self.cpus.push((directory, pipe));
        }
        Ok(())
    }

    /// Adds what happened since the last call, and puts all in the order of time; an error if the kernel had to drop any
    /// of it.
    pub fn read_into(&mut self, records: &mut Vec<Record>) -> Result<()> {
        for (directory, pipe) in &mut self.cpus {
            let mut buffer = vec![0; page::SIZE];
            loop {
                let length = match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error).context("reading trace_pipe_raw"),
                };
                page::for_each(&buffer[..length], |mono_ns, data| {
                    records.extend(self.layout.decode(mono_ns, data)?);
                    Ok(())
                })?;
            }
            nothing_dropped(directory)?;
        }
        // The CPUs are read one after the other: what one recorded meanwhile comes with the next call. Stable, so that a
        // CPU's own order holds where two stamps are the same.
        records.sort_by_key(|record| record.mono_ns);
        Ok(())
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.instance.join(file);
        fs::write(&path, value).with_context(|| format!("writing {value:?} to {}", path.display()))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.cpus.clear();
        // A leftover that can't be removed now is removed by the next start.
        let _ = fs::remove_dir(&self.instance);
    }
}

/// In the language of the event's `filter` file: from the lowest of all ports to the highest, for shortness, and
/// what has no ports yet, as an MPTCP socket that begins to connect.
fn filter(blocks: &[&AddressBlock]) -> Result<String> {
    let first = blocks.iter().map(|addresses| addresses.port()).min().context("a record without blocks")?;
    let last =
        blocks.iter().map(|addresses| addresses.last_port()).max().context("a record without blocks")?;
    Ok(format!(
        "(sport >= {first} && sport <= {last}) || (dport >= {first} && dport <= {last}) \
         || (sport == 0 && dport == 0)"
    ))
}

fn nothing_dropped(cpu: &Path) -> Result<()> {
    let stats = fs::read_to_string(cpu.join("stats"))?;
    for line in stats.lines() {
        let lost =
            ["overrun:", "commit overrun:", "dropped events:"].iter().any(|what| line.starts_with(what));
        ensure!(!lost || line.ends_with(": 0"), "the record has a gap, its buffer is too small: {line}");
    }
    Ok(())
}

fn mount_tracefs() -> Result<()> {
    if Path::new(TRACEFS).join("instances").exists() {
        return Ok(());
    }
    rustix::mount::mount("tracefs", TRACEFS, "tracefs", rustix::mount::MountFlags::empty(), None)
        .with_context(|| format!("mounting {TRACEFS}"))
}

/// Removes the instances of test processes that were killed.
fn remove_leftovers() -> Result<()> {
    for entry in fs::read_dir(Path::new(TRACEFS).join("instances"))? {
        let entry = entry?;
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test process may have removed it in between.
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}
