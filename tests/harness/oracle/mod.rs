//! The test oracle: the kernel's own record of every transition, from a tracefs instance with one event enabled.

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

/// The buffer of each CPU in a test without much traffic, KiB.
pub const ORDINARY: u32 = 4 << 10;

/// A running record. Dropping it ends the record and removes the instance.
pub struct Oracle {
    instance: PathBuf,
    layout: record::Layout,
    cpus: Vec<(PathBuf, File)>,
}

impl Oracle {
    /// Starts a record of the transitions with one of the blocks' ports at either endpoint: other connections of the
    /// machine must not fill the buffer. `buffer_kib` is the size of each CPU's buffer.
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

    /// Adds what was recorded since the last call, and sorts all records by time. An error if the kernel dropped any.
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
        // The CPUs are read one after the other, so records made meanwhile come with the next call. The sort is
        // stable, so that records of one CPU with the same timestamp keep their order.
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
        // The next start removes an instance that can't be removed now.
        let _ = fs::remove_dir(&self.instance);
    }
}

/// A filter in the syntax of the event's `filter` file. It takes the range from the lowest port to the highest, and
/// sockets without ports, such as an MPTCP socket that begins to connect.
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
            // Another test process may remove the same instance.
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}
