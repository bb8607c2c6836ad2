//! Recognises transitions that this process itself seems to cause.
//!
//! `iter/task_file` holds a reference to the file that it shows (`task_file_seq_get_next`, kernel/bpf/task_iter.c, 5.8).
//! If the file's process closes it meanwhile, the iterator's reference is the last one, and the kernel closes the socket
//! in the thread that reads the iterator.

use netstat_ebpf::wire::ProcessRecord;

use crate::readers::processes;

/// The name of the threads that read iterators: at most the 15 bytes that the kernel keeps.
pub const SNAPSHOT_THREAD: &str = "rnetstat-snap";

/// Recognises records of this process.
#[derive(Clone, Copy, Debug)]
pub struct SelfFilter {
    /// This process's id in the initial PID namespace, whose ids records have. None in another PID namespace, where it
    /// is not known.
    pid: Option<u32>,
}

impl SelfFilter {
    /// A filter for the calling process.
    pub fn new() -> Self {
        let in_initial_namespace = processes::in_initial_pid_namespace().unwrap_or(true);
        Self { pid: in_initial_namespace.then(std::process::id) }
    }

    /// Whether the record names this process; or one of its snapshot threads, if its process id is not known.
    pub fn matches(&self, record: &ProcessRecord) -> bool {
        match self.pid {
            Some(pid) => record.pid == pid,
            None => record.comm.starts_with(SNAPSHOT_THREAD.as_bytes()),
        }
    }
}
