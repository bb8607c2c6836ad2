//! The contexts that the kernel calls iterator programs with, and where their records go.

use core::ffi::c_void;

use aya_ebpf::{bindings::seq_file, helpers::generated::bpf_seq_write};
use netstat_ebpf::wire::Plain;

use crate::memory::BtfPtr;

/// The context of an iterator program, a `struct bpf_iter__…`: members of 8 bytes each, the first a pointer to `struct
/// bpf_iter_meta`.
#[derive(Clone, Copy)]
struct Context(*const *const u8);

/// A step of `iter/tcp`: one socket (`struct bpf_iter__tcp`, net/ipv4/tcp_ipv4.c, 5.9).
#[derive(Clone, Copy)]
pub struct TcpStep(Context);

/// A step of `iter/task_file`: one open file of one process (`struct bpf_iter__task_file`, kernel/bpf/task_iter.c, 5.8).
#[derive(Clone, Copy)]
pub struct TaskFileStep(Context);

impl TcpStep {
    /// # Safety
    /// `context` is the argument of an `iter/tcp` program.
    #[inline(always)]
    pub unsafe fn new(context: *mut c_void) -> Self {
        Self(Context(context.cast()))
    }

    /// The `struct sock_common`; None after the last socket.
    #[inline(always)]
    pub fn sock_common(self) -> Option<BtfPtr> {
        self.0.object(1)
    }

    /// Gives a record to the reader of the iterator.
    #[inline(always)]
    pub fn write<T: Plain>(self, record: &T) {
        self.0.write(record);
    }
}

impl TaskFileStep {
    /// # Safety
    /// `context` is the argument of an `iter/task_file` program.
    #[inline(always)]
    pub unsafe fn new(context: *mut c_void) -> Self {
        Self(Context(context.cast()))
    }

    /// The `struct task_struct`; None after the last file.
    #[inline(always)]
    pub fn task(self) -> Option<BtfPtr> {
        self.0.object(1)
    }

    /// The file descriptor.
    #[inline(always)]
    pub fn fd(self) -> u32 {
        self.0.number(2)
    }

    /// The `struct file`; None after the last file.
    #[inline(always)]
    pub fn file(self) -> Option<BtfPtr> {
        self.0.object(3)
    }

    /// Gives a record to the reader of the iterator.
    #[inline(always)]
    pub fn write<T: Plain>(self, record: &T) {
        self.0.write(record);
    }
}

impl Context {
    #[inline(always)]
    fn object(self, member: usize) -> Option<BtfPtr> {
        // SAFETY: the verifier checks the load against the context's type, and knows the type of what it loads.
        let object = unsafe { BtfPtr::new(self.0.add(member).read_volatile()) };
        (!object.is_null()).then_some(object)
    }

    #[inline(always)]
    fn number(self, member: usize) -> u32 {
        // SAFETY: the verifier checks the load against the context's type.
        unsafe { self.0.add(member).cast::<u32>().read_volatile() }
    }

    /// If the kernel's buffer is full, the kernel drops what this step wrote and calls the program again for the same
    /// object (`bpf_seq_read`, kernel/bpf/bpf_iter.c, 5.8).
    #[inline(always)]
    fn write<T: Plain>(self, record: &T) {
        let Some(meta) = self.object(0) else { return };
        // The first member of `struct bpf_iter_meta` (include/linux/bpf.h, 5.8) is a pointer to the `struct seq_file`.
        let seq: *mut seq_file = meta.load_ptr(0).as_ptr();
        // SAFETY: the helper takes the iterator's own `seq_file`; `Plain` promises that all bytes are initialised.
        unsafe { bpf_seq_write(seq, core::ptr::from_ref(record).cast(), size_of::<T>() as u32) };
    }
}
