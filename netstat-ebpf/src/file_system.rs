//! The file system of an open file. Sockets and namespaces are the only files of theirs, so the check needs no address of
//! `socket_file_ops`, which kptr_restrict hides.

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
};

/// `SOCKFS_MAGIC` (include/uapi/linux/magic.h).
pub const SOCKFS: u64 = 0x534f_434b;
/// `NSFS_MAGIC` (include/uapi/linux/magic.h).
pub const NSFS: u64 = 0x6e73_6673;

/// The magic number of a `struct file`'s file system.
#[inline(always)]
pub fn magic(file: BtfPtr) -> u64 {
    let inode = file.load_ptr(value(&OFFSETS.file_inode));
    inode.load_ptr(value(&OFFSETS.inode_sb)).load(value(&OFFSETS.sb_magic))
}
