//! What a process calls itself: hostile bytes, and gone at any moment.

use std::{fs, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use crate::{model::Comm, source::processes};

/// More of a command line than netstat looks at.
const LONGEST: u64 = 4096;

/// A process, as far as it can still be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The name that netstat shows: the command line's first word, of an absolute path the last part, with
    /// dots for what is not printable.
    pub program: String,
    /// The name that the kernel keeps.
    pub comm: Comm,
    /// Its user; None if it is gone.
    pub uid: Option<u32>,
}

impl Process {
    /// Reads what /proc has of the process.
    pub fn read(pid: u32) -> Self {
        let directory = format!("/proc/{pid}");
        let mut command_line = Vec::new();
        if let Ok(file) = fs::File::open(format!("{directory}/cmdline")) {
            // What was read before an error is good enough for a name.
            let _ = file.take(LONGEST).read_to_end(&mut command_line);
        }
        Self {
            program: program(&command_line),
            comm: processes::comm(Path::new(&directory)).unwrap_or_default(),
            uid: fs::metadata(&directory).ok().map(|metadata| metadata.uid()),
        }
    }
}

fn program(command_line: &[u8]) -> String {
    let first = command_line.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = match first.iter().rposition(|byte| *byte == b'/') {
        Some(slash) if first[0] == b'/' => &first[slash + 1..],
        _ => first,
    };
    name.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_netstat_names_it() {
        for (command_line, name) in [
            (&b"/usr/sbin/nginx\0-g\0daemon off;\0"[..], "nginx"),
            (b"nginx: master process /usr/sbin/nginx\0", "nginx: master process /usr/sbin/nginx"),
            (b"./server\0", "./server"),
            (b"/\0", ""),
            (b"", ""),
            (b"\x1b]0;owned\x07\0", ".]0;owned."),
            ("/opt/웹\0".as_bytes(), "..."),
        ] {
            assert_eq!(program(command_line), name);
        }
    }

    #[test]
    fn a_process_that_is_gone_has_no_name_and_no_user() {
        assert_eq!(Process::read(u32::MAX), Process::default());
    }

    #[test]
    fn this_process_has_a_name_and_a_user() {
        let process = Process::read(std::process::id());
        assert!(!process.program.is_empty() && !process.comm.as_bytes().is_empty());
        assert!(process.uid.is_some());
    }
}
