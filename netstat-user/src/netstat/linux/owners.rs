//! The processes that hold sockets, by the sockets' inode numbers.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;

use crate::{
    model::Comm,
    readers::{processes, visibility::Limit},
    socket_holders::SocketHolders,
};

/// How many bytes of a command line are read: more than netstat shows.
const MAX_COMMAND_LINE: u64 = 4096;

/// Which processes hold which sockets, and what they are called.
#[derive(Debug, Default)]
pub struct Owners {
    holders: SocketHolders,
    processes: FxHashMap<u32, Process>,
}

impl Owners {
    /// Reads the files of all processes, and then the names of those that hold sockets.
    pub fn find() -> Self {
        let holders = SocketHolders::find();
        let mut processes = FxHashMap::default();
        for pid in holders.pids() {
            processes.entry(pid).or_insert_with(|| Process::read(pid));
        }
        Self { holders, processes }
    }

    /// Why not all owners can be seen.
    pub fn limits(&self) -> &[Limit] {
        &self.holders.limits
    }

    /// Whether the processes that hold the socket are known: at least one was found, or it has no file (inode number 0) and
    /// no process can hold it.
    pub fn are_known(&self, inode: u64) -> bool {
        inode == 0 || self.of(inode).next().is_some()
    }

    /// The processes that hold the socket, the one with the lowest id first.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = (u32, &Process)> {
        self.holders.of(inode).filter_map(|pid| Some((pid, self.processes.get(&pid)?)))
    }
}

/// A process. It may exit at any moment, and its names are arbitrary bytes of its own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The name that netstat shows: the first argument of the command line, without the directories of an absolute
    /// path. It may be empty.
    pub program: Vec<u8>,
    /// The name in /proc/PID/comm.
    pub comm: Comm,
    /// Its user id; None if the process has exited.
    pub uid: Option<u32>,
}

impl Process {
    /// The name to show: that of the program, or else the one that the kernel keeps; None if both are empty.
    pub fn name(&self) -> Option<&[u8]> {
        Some(&self.program[..]).filter(|program| !program.is_empty()).or_else(|| self.comm.known())
    }

    fn read(pid: u32) -> Self {
        let directory = PathBuf::from(format!("/proc/{pid}"));
        let mut command_line = command_line(&directory);
        if command_line.is_empty() {
            // A main thread that has exited has no command line, but the other threads have it.
            let tasks = processes::tasks(&directory).unwrap_or_default();
            let mut of_tasks = tasks.iter().map(|task| self::command_line(&task.directory));
            command_line = of_tasks.find(|text| !text.is_empty()).unwrap_or_default();
        }
        Self {
            program: program(&command_line).to_vec(),
            comm: processes::comm(&directory).unwrap_or_default(),
            uid: fs::metadata(&directory).ok().map(|metadata| metadata.uid()),
        }
    }
}

/// The command line of a process or thread; empty if it can't be read.
fn command_line(directory: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(file) = fs::File::open(directory.join("cmdline")) {
        // What was read before an error is enough for a name.
        let _ = file.take(MAX_COMMAND_LINE).read_to_end(&mut text);
    }
    text
}

pub(crate) fn program(command_line: &[u8]) -> &[u8] {
    let first = command_line.split(|byte| *byte == 0).next().unwrap_or_default();
    match first.iter().rposition(|byte| *byte == b'/') {
        Some(slash) if first[0] == b'/' => &first[slash + 1..],
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_netstat_names_it() {
        for (command_line, name) in [
            (&b"/usr/sbin/nginx\0-g\0daemon off;\0"[..], &b"nginx"[..]),
            (b"nginx: master process /usr/sbin/nginx\0", b"nginx: master process /usr/sbin/nginx"),
            (b"./server\0", b"./server"),
            (b"/\0", b""),
            (b"", b""),
            (b"\x1b]0;owned\x07\0", b"\x1b]0;owned\x07"),
            ("/opt/웹\0".as_bytes(), "웹".as_bytes()),
        ] {
            assert_eq!(program(command_line), name);
        }
    }

    #[test]
    fn a_process_without_a_program_s_name_is_shown_by_the_kernel_s_and_an_empty_name_is_none() {
        let process = |program: &[u8], comm: &[u8]| {
            let mut bytes = [0; 16];
            bytes[..comm.len()].copy_from_slice(comm);
            Process { program: program.to_vec(), comm: Comm::new(bytes), uid: None }
        };
        assert_eq!(process(b"nginx", b"worker").name(), Some(&b"nginx"[..]));
        assert_eq!(process(b"", b"worker").name(), Some(&b"worker"[..]));
        assert_eq!(process(b"", b"").name(), None);
    }

    #[test]
    fn a_process_that_has_exited_has_no_name_and_no_user() {
        assert_eq!(Process::read(u32::MAX), Process::default());
    }

    #[test]
    fn this_process_has_a_name_and_a_user() {
        let process = Process::read(std::process::id());
        assert!(!process.program.is_empty() && !process.comm.as_bytes().is_empty());
        assert!(process.uid.is_some());
    }
}
