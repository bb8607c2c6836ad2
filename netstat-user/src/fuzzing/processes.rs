//! The files of a process in /proc, and the links in them.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use crate::{
    netstat::linux::owners,
    readers::{mounts, namespaces, open_files, processes},
};

/// /proc/PID/stat, status, cmdline and mountinfo, and where the links in /proc/PID/fd and ns lead.
pub fn processes(input: &[u8]) {
    files(input);
    for line in input.split(|byte| *byte == b'\n') {
        links(line);
    }
    name(input);
    mount_point(input);
    let program = owners::program(input);
    assert!(
        !program.contains(&0) && input.split(|byte| *byte == 0).next().unwrap_or_default().ends_with(program)
    );
}

/// A malformed line of mountinfo loses only itself, and what is no stat or status is an error.
fn files(text: &[u8]) {
    let _ = processes::parse_can_have_files(text);
    let alone = text.split(|byte| *byte == b'\n').map(|line| mounts::parse(line).count());
    assert_eq!(mounts::parse(text).count(), alone.sum::<usize>());
    if let Some(identity) = processes::parse_identity(text) {
        assert!(identity.comm.as_bytes().len() < 16);
    }
    if let Some(user) = processes::parse_user(text) {
        assert!(text.windows(4).any(|word| word == b"Uid:"));
        let canonical = format!("Name:\tx\nUid:\t{user}\t{user}\t{user}\t{user}\n");
        assert_eq!(processes::parse_user(canonical.as_bytes()), Some(user));
    }
}

/// An inode number is what the kernel prints for it.
fn links(link: &[u8]) {
    if let Some(inode) = open_files::socket(link) {
        assert_eq!(open_files::socket(format!("socket:[{inode}]").as_bytes()), Some(inode));
    }
    if let Some(inode) = namespaces::inode(link) {
        assert_eq!(namespaces::inode(format!("net:[{inode}]").as_bytes()), Some(inode));
    }
}

/// Whatever a process calls itself, its name and what follows it are read as they are.
fn name(name: &[u8]) {
    // The kernel prints no more than this, and ends it at a NUL.
    let name = &name[..name.len().min(15)];
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let stat = [b"812 (", name, b") S 1 812 812 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n"].concat();
    let identity = processes::parse_identity(&stat).expect("the kernel's own stat");
    assert_eq!((identity.comm.as_bytes(), identity.started), (name, 4711));
    assert_eq!(processes::parse_can_have_files(&stat), Some(true));
    // The kernel escapes line breaks and backslashes here (`proc_task_name`, fs/proc/array.c).
    if !name.contains(&b'\n') {
        let status = [b"Name:\t", name, b"\nUmask:\t0022\nUid:\t33\t0\t0\t0\n"].concat();
        assert_eq!(processes::parse_user(&status), Some(33));
    }
}

/// Whatever a mount point is called, it is read as it is, and the mounts around it too.
fn mount_point(name: &[u8]) {
    let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != 0).collect();
    // `mangle` (fs/proc_namespace.c).
    let mangled = name.iter().flat_map(|byte| match byte {
        b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
        byte => vec![*byte],
    });
    let mangled: Vec<u8> = mangled.collect();
    let text = [
        b"22 1 0:20 / /proc rw - proc proc rw\n36 35 0:4 / /",
        &mangled[..],
        b" rw shared:5 - tmpfs tmpfs rw\n30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
    ];
    let text = text.concat();
    let mounts: Vec<_> = mounts::parse(&text).collect();
    assert_eq!(mounts.len(), 3);
    assert_eq!(mounts[1].mount_point.as_os_str(), OsStr::from_bytes(&[b"/", &name[..]].concat()));
    assert_eq!((mounts[1].file_system, mounts[2].file_system), (&b"tmpfs"[..], &b"cgroup2"[..]));
}
