//! Changes what a child process finds mounted: hidden directories, missing file systems, replaced files.

use std::{
    ffi::{CStr, CString},
    os::unix::process::CommandExt as _,
    process::Command,
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};

/// Makes the process find these directories empty.
pub fn hide(command: &mut Command, directories: &'static [&'static CStr]) {
    in_own_mounts(command, move || {
        for directory in directories {
            mount(c"tmpfs", *directory, c"tmpfs", MountFlags::empty(), None)?;
        }
        Ok(())
    });
}

/// Makes the process find this file system not mounted.
pub fn unmounted(command: &mut Command, directory: &'static CStr) {
    in_own_mounts(command, move || Ok(unmount(directory, UnmountFlags::DETACH)?));
}

/// Makes the process find another file at this path.
pub fn replaced(command: &mut Command, file: &'static CStr, by: CString) {
    in_own_mounts(command, move || Ok(mount_bind(by.as_c_str(), file)?));
}

/// Makes the process find the cgroup2 hierarchy mounted at this directory and nowhere else.
pub fn cgroups_only_at(command: &mut Command, directory: CString) {
    in_own_mounts(command, move || {
        // Mounts below it go with it.
        unmount(c"/sys/fs/cgroup", UnmountFlags::DETACH)?;
        Ok(mount(c"cgroup2", directory.as_c_str(), c"cgroup2", MountFlags::empty(), None)?)
    });
}

fn in_own_mounts(
    command: &mut Command,
    change: impl Fn() -> std::io::Result<()> + Send + Sync + 'static,
) -> &mut Command {
    let before_exec = move || {
        // SAFETY: the new process has one thread, and no memory safety depends on its mounts.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        change()
    };
    // SAFETY: the closure makes only system calls, as required between fork and exec.
    unsafe { command.pre_exec(before_exec) }
}
