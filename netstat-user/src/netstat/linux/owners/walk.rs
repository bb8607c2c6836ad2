//! The walk through /proc/PID/fd, as netstat and ss do it.

use std::{io, path::Path};

use crate::source::processes;

/// Calls `each` with the inode number of every socket that a process holds, and the process's id, in
/// ascending order of ids; says whether a process could not be looked into.
pub fn sockets(mut each: impl FnMut(u64, u32)) -> bool {
    let mut incomplete = false;
    for (pid, directory) in processes::below(Path::new("/proc")) {
        let result = processes::each_file(&directory, |_, link| {
            if let Some(inode) = processes::socket(link) {
                each(inode.get(), pid);
            }
        });
        incomplete |= result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    }
    incomplete
}
