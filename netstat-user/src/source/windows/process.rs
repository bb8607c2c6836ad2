//! The name of a process by its id.

use std::path::Path;

use windows_sys::Win32::{
    Foundation::CloseHandle,
    System::Threading::{
        OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
    },
};

use crate::{
    model::{Comm, Owner, OwnerHow},
    source::poll::Handle,
};

/// No path is longer, in UTF-16 units.
const LONGEST_PATH: usize = 32_768;

/// The process, by the name of its program's file; None if it is gone or not for us.
pub(super) fn owner(pid: Handle) -> Option<Owner> {
    let pid = u32::try_from(pid.get()).ok()?;
    let path = path(pid)?;
    let name = Path::new(&path).file_name()?.to_str()?;
    let mut comm = [0; 16];
    let length = (0..comm.len()).rev().find(|length| name.is_char_boundary(*length))?;
    comm[..length].copy_from_slice(&name.as_bytes()[..length]);
    Some(Owner { pid, comm: Comm::new(comm), uid: None, how: OwnerHow::Scan })
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
