//! Ourselves among those who close sockets.
//!
//! `iter/task_file` holds a reference to the file that it shows (`task_file_seq_get_next`, kernel/bpf/task_iter.c). If
//! its process closes it in that moment, the last reference is ours, and the kernel closes the socket in our name.

use netstat_ebpf::wire::ProcessRecord;

use crate::readers::processes;

/// The name of the thread that takes snapshots and of its helper: at most the 15 bytes that the kernel keeps.
pub const SNAPSHOT_THREAD: &str = "rnetstat-snap";

/// Knows our own records.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The process id that records have; None in a PID namespace, which doesn't tell it.
    pid: Option<u32>,
}

impl Own {
    /// This process.
    pub fn new() -> Self {
        Self { pid: processes::in_initial_pid_namespace().unwrap_or(true).then(std::process::id) }
    }

    /// Whether the record tells what this process did; where only the name tells, whether a thread of this name did.
    pub fn did(&self, record: &ProcessRecord) -> bool {
        match self.pid {
            Some(pid) => record.pid == pid,
            None => record.comm.starts_with(SNAPSHOT_THREAD.as_bytes()),
        }
    }
}
