//! Opens a cgroup's directory by its id alone, with open_by_handle_at(2). This takes CAP_DAC_READ_SEARCH.

use std::{
    ffi::c_int,
    fs::File,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

/// Type of a file handle that holds a kernfs id: `FILEID_KERNFS` (include/linux/exportfs.h, 5.5).
const FILEID_KERNFS: c_int = 0xfe;

/// `struct file_handle` (fcntl.h) followed by a kernfs id, 8 bytes.
#[repr(C)]
struct FileHandle {
    handle_bytes: u32,
    handle_type: c_int,
    id: u64,
}

/// Opens the cgroups of one hierarchy by their ids.
pub(super) struct CgroupOpener {
    mount: File,
}

impl CgroupOpener {
    pub(super) fn new(mount: &Path) -> Option<Self> {
        Some(Self { mount: File::open(mount).ok()? })
    }

    /// The cgroup's directory; None if the cgroup was removed.
    ///
    /// # Errors
    /// The kernel doesn't open cgroups by id (before 5.5), or this process lacks CAP_DAC_READ_SEARCH.
    pub(super) fn directory(&self, id: u64) -> io::Result<Option<PathBuf>> {
        let directory = match self.open(id) {
            Ok(directory) => directory,
            Err(error) if error.raw_os_error() == Some(libc::ESTALE) => return Ok(None),
            Err(error) => return Err(error),
        };
        std::fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())).map(Some)
    }

    fn open(&self, id: u64) -> io::Result<OwnedFd> {
        let mut handle = FileHandle { handle_bytes: size_of::<u64>() as u32, handle_type: FILEID_KERNFS, id };
        let mount = self.mount.as_raw_fd();
        // SAFETY: `handle` has the layout of a `file_handle` followed by `handle_bytes` bytes, outlives the call, and is
        // only read; `mount` is an open descriptor.
        let fd = unsafe {
            libc::open_by_handle_at(mount, (&raw mut handle).cast(), libc::O_PATH | libc::O_CLOEXEC)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above created the descriptor, and nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}
