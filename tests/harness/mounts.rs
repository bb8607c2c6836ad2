//! Taking things away from a process that we start: directories, and root.

use std::{
    ffi::{CStr, CString},
    os::unix::process::CommandExt as _,
    process::Command,
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};

/// The process finds these directories empty.
pub fn hide(command: &mut Command, directories: &'static [&'static CStr]) {
    in_own_mounts(command, move || {
        for directory in directories {
            mount(c"tmpfs", *directory, c"tmpfs", MountFlags::empty(), None)?;
        }
        Ok(())
    });
}

/// The process doesn't find this file system mounted.
pub fn unmounted(command: &mut Command, directory: &'static CStr) {
    in_own_mounts(command, move || Ok(unmount(directory, UnmountFlags::DETACH)?));
}

/// The process finds another file in a file's place.
pub fn replaced(command: &mut Command, file: &'static CStr, by: CString) {
    in_own_mounts(command, move || Ok(mount_bind(by.as_c_str(), file)?));
}

fn in_own_mounts(
    command: &mut Command,
    change: impl Fn() -> std::io::Result<()> + Send + Sync + 'static,
) -> &mut Command {
    let before_exec = move || {
        // SAFETY: the process has one thread, and its mounts are nothing that memory safety depends on.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        change()
    };
    // SAFETY: it only makes system calls, which is all that is allowed between fork and exec.
    unsafe { command.pre_exec(before_exec) }
}
