//! The name of a process's program, by process id.

use std::{num::NonZero, path::Path};

use windows_sys::Win32::{
    Foundation::CloseHandle,
    System::Threading::{
        OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
    },
};

use crate::model::{Comm, Owner, OwnerHow};

/// The maximum length of a path, in UTF-16 units.
const LONGEST_PATH: usize = 32_768;

/// The process with the file name of its program; None if it has exited, or we may not open it.
pub(crate) fn owner(pid: NonZero<u64>) -> Option<Owner> {
    let pid = u32::try_from(pid.get()).ok()?;
    Some(Owner { pid, comm: comm(&program(pid)?), uid: None, started_ns: None, how: OwnerHow::Scan })
}

/// A program's name, cut to the length that the model keeps.
pub(crate) fn comm(program: &str) -> Comm {
    let mut comm = [0; 16];
    let length = program.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&program.as_bytes()[..length]);
    Comm::new(comm)
}

/// The file name of the process's program; None if it has exited, or we may not open it.
pub(crate) fn program(pid: u32) -> Option<String> {
    Some(Path::new(&path(pid)?).file_name()?.to_str()?.to_owned())
}

fn path(pid: u32) -> Option<String> {
    let mut path = vec![0_u16; LONGEST_PATH];
    let mut length = LONGEST_PATH as u32;
    // SAFETY: the handle is checked before it is used and closed once; the buffer has `length` units.
    let found = unsafe {
        let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
        if process.is_null() {
            return None;
        }
        let found =
            QueryFullProcessImageNameW(process, PROCESS_NAME_WIN32, path.as_mut_ptr(), &raw mut length);
        CloseHandle(process);
        found != 0
    };
    found.then(|| String::from_utf16_lossy(&path[..length as usize]))
}
