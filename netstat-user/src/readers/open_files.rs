//! The open files of processes. The threads of a process share one table of open files, unless one of them has made its
//! own by unshare(CLONE_FILES), or was created without CLONE_FILES. A main thread that has exited has none.

use std::{
    cmp::Ordering,
    ffi::OsStr,
    io,
    num::NonZero,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, openat, readlinkat},
    io::Errno,
};

use super::{
    errors,
    processes::{self, Task},
};

/// An open file.
#[derive(Clone, Copy, Debug)]
pub struct OpenFile<'a> {
    /// The directory of a thread that has it, in /proc.
    pub thread: &'a Path,
    /// The number of its descriptor.
    pub name: &'a OsStr,
    /// Where the link in /proc leads.
    pub link: &'a [u8],
}

impl OpenFile<'_> {
    /// Its path in /proc.
    pub fn path(&self) -> PathBuf {
        self.thread.join("fd").join(self.name)
    }
}

/// Reads the open files of processes.
#[derive(Clone, Copy, Debug)]
pub struct OpenFiles {
    /// Whether the ids in the proc file system are those that kcmp(2) takes.
    can_compare: bool,
}

impl OpenFiles {
    /// A reader for processes that `proc_root` lists.
    pub fn below(proc_root: &Path) -> Self {
        Self { can_compare: processes::has_own_ids(proc_root) }
    }

    /// Calls `found` for each open file of a process, whichever of its threads has it. `process` is its directory in
    /// /proc.
    ///
    /// # Errors
    /// The process has ended; this process may not read all of its files, although it may have read some; a resource has
    /// run out.
    pub fn each(self, process: &Path, mut found: impl FnMut(OpenFile<'_>)) -> io::Result<()> {
        let tasks = processes::tasks(process)?;
        let mut result = Ok(());
        let mut read = |directory: &Path| match each_of_thread(directory, &mut found) {
            Err(error) if errors::is_exhaustion(&error) => Err(error),
            // The thread may have ended, and the others have the same files.
            Err(error) if errors::is_gone(&error) || !processes::can_have_files(directory) => Ok(()),
            read => {
                result = std::mem::replace(&mut result, Ok(())).and(read);
                Ok(())
            }
        };
        if let [_] = tasks.as_slice() {
            read(process)?;
        } else {
            for task in self.one_of_each_table(&tasks) {
                read(&task.directory)?;
            }
        }
        result
    }

    /// One thread for each table of open files.
    fn one_of_each_table(self, tasks: &[Task]) -> Vec<&Task> {
        if !self.can_compare {
            return tasks.iter().collect();
        }
        let mut tables: Vec<&Task> = Vec::new();
        let mut unordered = Vec::new();
        for task in tasks {
            let mut has_failed = false;
            let place = tables.binary_search_by(|known| {
                compare_files(known.id, task.id).unwrap_or_else(|| {
                    has_failed = true;
                    Ordering::Equal
                })
            });
            match place {
                // The kernel lacks kcmp(2), or this process may not compare the threads.
                _ if has_failed => unordered.push(task),
                Ok(_) => {}
                Err(place) => tables.insert(place, task),
            }
        }
        tables.extend(unordered);
        tables
    }
}

/// The order of the file tables of two threads, which is arbitrary, but stays the same (kcmp(2)).
fn compare_files(first: u32, second: u32) -> Option<Ordering> {
    /// `enum kcmp_type`, include/uapi/linux/kcmp.h, 3.5.
    const KCMP_FILES: libc::c_int = 2;
    let [first, second] = [first, second].map(u32::cast_signed);
    // SAFETY: the call takes numbers only, and writes to no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_kcmp, first, second, KCMP_FILES, 0, 0) };
    match result {
        0 => Some(Ordering::Equal),
        1 => Some(Ordering::Less),
        2 => Some(Ordering::Greater),
        _ => None,
    }
}

/// Calls `found` for each open file of a thread.
fn each_of_thread(thread: &Path, found: &mut impl FnMut(OpenFile<'_>)) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let files = openat(CWD, thread.join("fd"), flags, Mode::empty())?;
    let mut target = Vec::new();
    for entry in Dir::read_from(&files)? {
        let entry = entry?;
        let link = match readlinkat(&files, entry.file_name(), target) {
            Ok(link) => link,
            // The file may be closed by now; the directories `.` and `..` are no links.
            Err(Errno::NOENT | Errno::INVAL) => {
                target = Vec::new();
                continue;
            }
            // The names of the files may be readable where the files are not.
            Err(error) => return Err(error.into()),
        };
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        found(OpenFile { thread, name, link: link.as_bytes() });
        target = link.into_bytes();
    }
    Ok(())
}

/// The inode number in a link target like `socket:[12345]`; None for another file.
pub fn socket(link: &[u8]) -> Option<NonZero<u64>> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        net::TcpListener,
        os::{fd::AsFd as _, unix::fs::MetadataExt as _},
        sync::mpsc,
        thread,
    };

    use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};

    use super::*;

    #[test]
    fn only_a_socket_s_link_target_has_an_inode_number() {
        assert_eq!(socket(b"socket:[4711]"), NonZero::new(4711));
        for link in [
            &b"pipe:[4711]"[..],
            b"socket:[]",
            b"socket:[47",
            b"/socket:[47]",
            b"socket:[-1]",
            b"socket:[0]",
            b"",
        ] {
            assert_eq!(socket(link), None);
        }
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        let reader = OpenFiles { can_compare: true };
        assert!(reader.each(Path::new("/proc/4294967295"), |_| {}).is_err());
    }

    /// Runs `check` with the inode number of a socket that only a thread with its own file table has, and its id.
    fn with_socket_of_thread(check: impl FnOnce(NonZero<u64>, u32)) {
        let (sender, receiver) = mpsc::channel();
        let (end, until_end) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                // SAFETY: the thread uses no descriptor of another thread, and none that it opens leaves it.
                unsafe { unshare_unsafe(UnshareFlags::FILES) }.unwrap();
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let file = File::from(listener.as_fd().try_clone_to_owned().unwrap());
                let inode = file.metadata().unwrap().ino();
                sender.send((NonZero::new(inode).unwrap(), gettid().as_raw_nonzero().get())).unwrap();
                let _ended = until_end.recv();
            });
            let (inode, id) = receiver.recv().unwrap();
            check(inode, id.cast_unsigned());
            drop(end);
        });
    }

    #[test]
    fn the_files_of_a_thread_with_its_own_table_are_found_with_kcmp_and_without() {
        with_socket_of_thread(|inode, id| {
            for can_compare in [true, false] {
                let mut threads = Vec::new();
                let reader = OpenFiles { can_compare };
                let read = reader.each(Path::new("/proc/self"), |file| {
                    if socket(file.link) == Some(inode) {
                        threads.push(file.thread.to_owned());
                    }
                });
                read.unwrap();
                threads.dedup();
                assert_eq!(threads, [PathBuf::from(format!("/proc/self/task/{id}"))]);
            }
        });
    }

    #[test]
    fn a_table_that_threads_share_is_read_once() {
        with_socket_of_thread(|_, id| {
            let own = File::open("/dev/null").unwrap();
            let reader = OpenFiles::below(Path::new("/proc"));
            let tasks = processes::tasks(Path::new("/proc/self")).unwrap();
            let tables: Vec<u32> = reader.one_of_each_table(&tasks).iter().map(|task| task.id).collect();
            assert!(tables.contains(&id) && tables.len() < tasks.len().max(3), "{tables:?} of {tasks:?}");
            drop(own);
        });
    }
}
