//! Runs the binaries with fewer privileges than root: as another user, or without some capabilities.

use std::{
    fs,
    io::ErrorKind,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};

use crate::tracer;

/// The uid and gid of nobody.
const NOBODY: u32 = 65534;

/// A copy of a binary that every user can execute; other users may not have access to the build directory. Deleted
/// when dropped.
pub struct BinaryCopy {
    directory: PathBuf,
    name: &'static str,
}

impl BinaryCopy {
    /// Copies rnetstat-trace and sets these file capabilities, as `cap_bpf,cap_perfmon+ep`.
    pub fn new(capabilities: Option<&str>) -> Result<Self> {
        let copy = Self::of("rnetstat-trace")?;
        if let Some(capabilities) = capabilities {
            run(Command::new("setcap").arg(capabilities).arg(copy.path()))?;
        }
        Ok(copy)
    }

    /// Copies the binary with this name.
    pub fn of(program: &'static str) -> Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = format!("rnetstat-tests-copy-{}-{number}", std::process::id());
        let copy = Self { directory: std::env::temp_dir().join(directory), name: program };
        fs::create_dir(&copy.directory)?;
        // Another process copies it: this process can't execute a file that a forked child still has open for
        // writing.
        run(Command::new("cp").arg(tracer::binary_named(program)?).arg(copy.path()))?;
        for path in [copy.directory.as_path(), &copy.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(copy)
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.name)
    }

    /// A command that runs the copy as nobody.
    pub fn as_nobody(&self, arguments: &[&str]) -> Command {
        let mut command = tracer::command_of(&self.path(), arguments);
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
        command
    }
}

impl Drop for BinaryCopy {
    fn drop(&mut self) {
        // What can't be deleted stays in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A command that runs rnetstat-trace as root without these capabilities, as `-bpf,-sys_admin`.
pub fn as_root_without(capabilities: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = tracer::command_of(Path::new("setpriv"), &["--bounding-set", capabilities]);
    command.arg(format!("--inh-caps={capabilities}")).arg("--").arg(tracer::binary()?).args(arguments);
    Ok(command)
}

/// Whether the kernel charges eBPF's memory to RLIMIT_MEMLOCK: up to 5.10 (kernel/bpf/syscall.c,
/// `bpf_map_charge_init`, removed in 5.11).
pub fn charges_memlock() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) < (5, 11))
}

/// The name and the effective capabilities of each thread of a process, from `/proc/PID/task/TID/status`.
pub fn effective_of_threads(pid: u32) -> Result<Vec<(String, u64)>> {
    let mut threads = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = match fs::read_to_string(thread?.path().join("status")) {
            // The thread has ended since the directory was read.
            Err(error)
                if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) =>
            {
                continue;
            }
            status => status?,
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned()).with_context(|| format!("no {name} in {status}"))
        };
        threads.push((field("Name:")?, u64::from_str_radix(&field("CapEff:")?, 16)?));
    }
    Ok(threads)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
