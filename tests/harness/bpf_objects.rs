//! The BPF programs, maps and links that a process holds, and whether the kernel still has them.

use std::{collections::BTreeSet, fs, mem::size_of_val};

use anyhow::{Context as _, Result, ensure};

/// A kind of BPF object. Each kind has its own ids, which the kernel doesn't use again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// A link: the attachment of a program.
    Link,
}

/// One object.
pub type Object = (Kind, u32);

/// The objects that the process has open, from /proc/PID/fdinfo.
pub fn held_by(pid: u32) -> Result<BTreeSet<Object>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let mut objects = BTreeSet::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("reading {directory}"))? {
        // A descriptor may have been closed since the directory was read.
        let Ok(info) = fs::read_to_string(entry?.path()) else { continue };
        for line in info.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let kind = match name {
                "prog_id" => Kind::Program,
                "map_id" => Kind::Map,
                "link_id" => Kind::Link,
                _ => continue,
            };
            objects.insert((kind, value.trim().parse()?));
        }
    }
    Ok(objects)
}

/// Whether the kernel still has the object.
pub fn exists((kind, id): Object) -> Result<bool> {
    // BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID and BPF_LINK_GET_FD_BY_ID (include/uapi/linux/bpf.h).
    let command = match kind {
        Kind::Program => 13,
        Kind::Map => 14,
        Kind::Link => 30,
    };
    // The id, next_id and open_flags of `union bpf_attr`.
    let attributes = [id, 0, 0];
    // SAFETY: the kernel reads as many bytes of the array as it has, and writes nothing.
    let outcome =
        unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_ptr(), size_of_val(&attributes)) };
    if outcome < 0 {
        let error = std::io::Error::last_os_error();
        ensure!(error.raw_os_error() == Some(libc::ENOENT), "asking for {kind:?} {id}: {error}");
        return Ok(false);
    }
    // SAFETY: the system call has just returned this descriptor, and nothing else uses it.
    unsafe { libc::close(i32::try_from(outcome)?) };
    Ok(true)
}
