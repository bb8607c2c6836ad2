//! io_uring: a connect() that one of the kernel's workers runs, and not the calling thread.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::sock::Sock;

// include/uapi/linux/io_uring.h
const IORING_OFF_SQES: u64 = 0x1000_0000;
const IORING_ENTER_GETEVENTS: u32 = 1;
const IORING_FEAT_NATIVE_WORKERS: u32 = 1 << 9;
const IORING_OP_CONNECT: u8 = 16;
const IOSQE_ASYNC: u8 = 1 << 4;
/// The words of `struct io_uring_params`: `features`, and three offsets within the ring of submissions.
const PARAMS_WORDS: usize = 30;
const FEATURES: usize = 5;
const SQ_TAIL: usize = 11;
const SQ_ARRAY: usize = 16;

type Entry = [u8; 64];

/// A ring for one submission.
pub struct IoUring {
    fd: OwnedFd,
    params: [u32; PARAMS_WORDS],
}

impl IoUring {
    /// Creates the ring.
    ///
    /// # Errors
    /// The kernel has no io_uring, or forbids it.
    pub fn new() -> io::Result<Self> {
        let mut params = [0; PARAMS_WORDS];
        // SAFETY: the kernel reads and writes one `struct io_uring_params`, whose size the array has.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1_u32, params.as_mut_ptr()) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the kernel has just created the descriptor.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, params })
    }

    /// Whether workers are threads of the process (from 5.12 on), and not of the kernel.
    pub fn has_native_workers(&self) -> bool {
        self.params[FEATURES] & IORING_FEAT_NATIVE_WORKERS != 0
    }

    /// Lets a worker connect the socket, and waits until it has.
    pub fn connect(&self, sock: &Sock, to: SocketAddr) -> Result<()> {
        let SocketAddr::V4(to) = to else { bail!("{to} is no IPv4 address") };
        let mut address = [0_u8; size_of::<libc::sockaddr_in>()];
        address[..2].copy_from_slice(&u16::try_from(libc::AF_INET)?.to_ne_bytes());
        address[2..4].copy_from_slice(&to.port().to_be_bytes());
        address[4..8].copy_from_slice(&to.ip().octets());
        let mut entry: Entry = [0; 64];
        (entry[0], entry[1]) = (IORING_OP_CONNECT, IOSQE_ASYNC);
        entry[4..8].copy_from_slice(&sock.fd().as_raw_fd().to_ne_bytes());
        entry[8..16].copy_from_slice(&u64::try_from(address.len())?.to_ne_bytes());
        entry[16..24].copy_from_slice(&(address.as_ptr() as u64).to_ne_bytes());
        self.submit(entry)?;
        sock.wait_for("ESTABLISHED")
    }

    fn submit(&self, entry: Entry) -> Result<()> {
        let [tail, array] = [SQ_TAIL, SQ_ARRAY].map(|word| self.params[word] as usize);
        let (ring_bytes, access) = (array + size_of::<u32>(), ProtFlags::READ | ProtFlags::WRITE);
        let map = |bytes, offset| {
            // SAFETY: a new mapping, at an address of the kernel's choice.
            unsafe { mmap(ptr::null_mut(), bytes, access, MapFlags::SHARED, &self.fd, offset) }
                .context("mmap")
        };
        let (ring, entries) = (map(ring_bytes, 0)?, map(size_of::<Entry>(), IORING_OFF_SQES)?);
        // SAFETY: the ring has one entry, index 0 of both arrays, and both mappings end behind what is written. The tail is an
        // aligned word of the first, which the kernel reads in the system call below.
        unsafe {
            entries.cast::<Entry>().write(entry);
            ring.cast::<u8>().add(array).cast::<u32>().write(0);
            AtomicU32::from_ptr(ring.cast::<u8>().add(tail).cast()).fetch_add(1, Ordering::Release);
        }
        // SAFETY: the call takes no pointer. It returns when the submission is complete, so the address in it has been read.
        let submitted = unsafe {
            let (fd, flags) = (self.fd.as_raw_fd(), IORING_ENTER_GETEVENTS);
            libc::syscall(libc::SYS_io_uring_enter, fd, 1_u32, 1_u32, flags, ptr::null::<u8>(), 0_usize)
        };
        let error = io::Error::last_os_error();
        // SAFETY: the mappings of above, to which no pointer is used any more.
        unsafe {
            munmap(ring, ring_bytes)?;
            munmap(entries, size_of::<Entry>())?;
        }
        ensure!(submitted == 1, "io_uring_enter: {submitted}, {error}");
        Ok(())
    }
}
