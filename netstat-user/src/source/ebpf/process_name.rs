//! Names of processes that the kernel side can't tell: without BTF it knows only the running thread's name, which is its
//! process's in the main thread alone.

use std::path::Path;

use crate::{
    model::{Event, Transition},
    readers::processes,
};

/// Adds the names that records lack.
#[derive(Debug)]
pub struct ProcessNames {
    /// Whether ids in /proc are those of the kernel's records, which are of the initial PID namespace.
    can_read: bool,
}

impl ProcessNames {
    /// For the processes that /proc lists.
    pub fn of_proc() -> Self {
        Self { can_read: processes::lists_all(Path::new("/proc")) == Some(true) }
    }

    /// Gives the event the name that its process has now, if the record has none.
    pub fn complete(&self, event: &mut Event) {
        let Event::Transition(Transition { process: Some(owner), .. }) = event else { return };
        if self.can_read
            && owner.started_ns.is_none()
            && owner.comm.as_bytes().is_empty()
            // If the process has ended, its name stays unknown.
            && let Ok(comm) = processes::comm(&Path::new("/proc").join(owner.pid.to_string()))
        {
            owner.comm = comm;
        }
    }
}
