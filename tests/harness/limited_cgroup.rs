//! A limit on the threads or on the memory of a process: a cgroup. RLIMIT_NPROC doesn't bind root, and RLIMIT_AS not what
//! the kernel allocates for a process.

use std::{
    ffi::CString,
    fs,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{Mode, OFlags, open},
    io::write,
};

/// A cgroup that the processes of a test are in. It is removed with this value, after its processes have ended.
pub struct LimitedCgroup {
    directory: PathBuf,
}

impl LimitedCgroup {
    /// Creates a cgroup for at most `max` threads; None if this host has no pids controller that a test may use.
    pub fn threads(max: u32) -> Result<Option<Self>> {
        Self::new("pids", |_| "pids.max", max.into())
    }

    /// Creates a cgroup with at most `bytes` of memory; None if this host has no memory controller that a test may use.
    pub fn memory(bytes: u64) -> Result<Option<Self>> {
        let file = |is_unified| if is_unified { "memory.max" } else { "memory.limit_in_bytes" };
        Self::new("memory", file, bytes)
    }

    /// `file` names the file with the limit, in the unified hierarchy and in others.
    fn new(controller: &str, file: impl Fn(bool) -> &'static str, limit: u64) -> Result<Option<Self>> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let Some((hierarchy, is_unified)) = hierarchy(controller)? else { return Ok(None) };
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = hierarchy.join(format!("rnetstat-tests-{}-{number}", std::process::id()));
        fs::create_dir(&directory).with_context(|| format!("creating {}", directory.display()))?;
        let cgroup = Self { directory };
        let file = cgroup.directory.join(file(is_unified));
        fs::write(&file, limit.to_string()).with_context(|| format!("writing {}", file.display()))?;
        Ok(Some(cgroup))
    }

    /// Runs the command in the cgroup.
    pub fn limit(&self, command: &mut Command) -> Result<()> {
        let members = CString::new(self.directory.join("cgroup.procs").as_os_str().as_bytes())?;
        let join = move || {
            let file = open(&members, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
            // 0 is the process that writes.
            write(&file, b"0")?;
            Ok(())
        };
        // SAFETY: it makes three system calls and allocates nothing, which is allowed between fork and exec.
        unsafe { command.pre_exec(join) };
        Ok(())
    }
}

impl Drop for LimitedCgroup {
    fn drop(&mut self) {
        // Only a process that is still in it can prevent this; it would show as a leftover directory.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// The mount point of a hierarchy whose new cgroups have the controller, and whether it is the unified one.
fn hierarchy(controller: &str) -> Result<Option<(PathBuf, bool)>> {
    let mounts = fs::read_to_string("/proc/mounts").context("reading /proc/mounts")?;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(path), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let path = Path::new(path);
        let has_controller = match kind {
            "cgroup" => options.split(',').any(|option| option == controller),
            "cgroup2" => fs::read_to_string(path.join("cgroup.subtree_control"))
                .is_ok_and(|enabled| enabled.split_whitespace().any(|enabled| enabled == controller)),
            _ => false,
        };
        if has_controller {
            return Ok(Some((path.to_owned(), kind == "cgroup2")));
        }
    }
    Ok(None)
}
