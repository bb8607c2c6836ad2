//! A limit on the threads of a process: a cgroup with `pids.max`. RLIMIT_NPROC doesn't bind root.

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
pub struct PidsCgroup {
    directory: PathBuf,
}

impl PidsCgroup {
    /// Creates a cgroup for at most `max` threads; None if this host has no pids controller that a test may use.
    pub fn new(max: u32) -> Result<Option<Self>> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let Some(hierarchy) = hierarchy()? else { return Ok(None) };
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = hierarchy.join(format!("rnetstat-tests-{}-{number}", std::process::id()));
        fs::create_dir(&directory).with_context(|| format!("creating {}", directory.display()))?;
        let cgroup = Self { directory };
        fs::write(cgroup.directory.join("pids.max"), max.to_string()).context("writing pids.max")?;
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

impl Drop for PidsCgroup {
    fn drop(&mut self) {
        // Only a process that is still in it can prevent this; it would show as a leftover directory.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// The mount point of a hierarchy whose new cgroups have the pids controller.
fn hierarchy() -> Result<Option<PathBuf>> {
    let mounts = fs::read_to_string("/proc/mounts").context("reading /proc/mounts")?;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(path), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let path = Path::new(path);
        let has_pids = match kind {
            "cgroup" => options.split(',').any(|option| option == "pids"),
            "cgroup2" => fs::read_to_string(path.join("cgroup.subtree_control"))
                .is_ok_and(|enabled| enabled.split_whitespace().any(|controller| controller == "pids")),
            _ => false,
        };
        if has_pids {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}
