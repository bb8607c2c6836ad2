//! Writes to stdout and stderr completely, also where they are non-blocking: whoever shares a pipe with this program decides
//! that (O_NONBLOCK belongs to the open file description, open(2)).

use std::io;

/// A write that failed.
#[derive(Debug)]
pub struct WriteError {
    /// How many bytes were written before.
    pub written: usize,
    /// Why.
    pub error: io::Error,
}

/// Writes all bytes to stdout; false if the reader has closed the pipe.
///
/// # Errors
/// Any other failure of a write. A file then ends with a whole line.
pub fn write_stdout(bytes: &[u8]) -> io::Result<bool> {
    match try_write_stdout(bytes) {
        Ok(()) => Ok(true),
        Err(WriteError { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(WriteError { error, .. }) => Err(error),
    }
}

/// The same, but a closed pipe is an error too.
///
/// # Errors
/// A write fails. `written` counts whole lines only, and a file ends with the last of them.
pub fn try_write_stdout(bytes: &[u8]) -> Result<(), WriteError> {
    system::write_stdout(bytes).map_err(|WriteError { written, error }| {
        let whole_lines = whole_lines(&bytes[..written]);
        system::take_back(written - whole_lines);
        WriteError { written: whole_lines, error }
    })
}

/// Writes a line to stderr. There is no other place to report that it can't be written.
pub fn write_stderr(line: &str) {
    let _unwritten = system::write_stderr(format!("{line}\n").as_bytes());
}

/// Writes a line to stderr if that takes it at once; else the line is dropped.
pub fn write_stderr_at_once(line: &str) {
    if system::stderr_has_room() {
        write_stderr(line);
    }
}

/// A write beyond the limit of a file's size (`ulimit -f`) becomes an error, which is reported, instead of a signal that
/// ends the process.
pub fn ignore_file_size_signal() {
    system::ignore_file_size_signal();
}

/// The length of the whole lines at the beginning.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

#[cfg(unix)]
mod system {
    use std::{
        io,
        os::fd::{AsFd, BorrowedFd},
        time::Duration,
    };

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        fs::{FileType, SeekFrom, fstat, ftruncate, seek},
        io::{Errno, write},
        stdio::{stderr, stdout},
    };

    use super::WriteError;

    /// The pause where a descriptor is reported as writable and is not.
    const PAUSE: Duration = Duration::from_millis(1);

    pub(super) fn write_stdout(bytes: &[u8]) -> Result<(), WriteError> {
        write_all(stdout(), bytes)
    }

    pub(super) fn write_stderr(bytes: &[u8]) -> Result<(), WriteError> {
        write_all(stderr(), bytes)
    }

    /// Bypasses std's buffer, which would make a system call for each line.
    pub(super) fn write_all(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), WriteError> {
        let mut written = 0;
        let mut has_waited = false;
        while written < bytes.len() {
            match write(to, &bytes[written..]) {
                Ok(0) => return Err(WriteError { written, error: io::ErrorKind::WriteZero.into() }),
                Ok(count) => {
                    written += count;
                    has_waited = false;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if has_waited {
                        std::thread::sleep(PAUSE);
                    }
                    wait_for_room(to, None).map_err(|error| WriteError { written, error })?;
                    has_waited = true;
                }
                Err(error) => return Err(WriteError { written, error: error.into() }),
            }
        }
        Ok(())
    }

    /// Returns whether a write would do something, at the latest after the timeout.
    fn wait_for_room(to: impl AsFd, timeout: Option<&Timespec>) -> io::Result<bool> {
        loop {
            match poll(&mut [PollFd::new(&to, PollFlags::OUT)], timeout) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn stderr_has_room() -> bool {
        wait_for_room(stderr(), Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap_or(false)
    }

    /// Removes the last bytes from stdout, if it is a regular file that ends with them.
    pub(super) fn take_back(count: usize) {
        let stdout = stdout();
        let Ok(stat) = fstat(stdout) else { return };
        let Ok(position) = seek(stdout, SeekFrom::Current(0)) else { return };
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        // Otherwise another process has appended to the file.
        let is_at_end = u64::try_from(stat.st_size) == Ok(position);
        if count > 0
            && is_file
            && is_at_end
            && let Some(length) = position.checked_sub(count as u64)
            && ftruncate(stdout, length).is_ok()
        {
            // Without it a later write would leave a gap. If it fails, nothing more is written anyway.
            let _failed = seek(stdout, SeekFrom::Start(length));
        }
    }

    pub(super) fn ignore_file_size_signal() {
        // SAFETY: no handler is installed, and SIG_IGN is a valid disposition of SIGXFSZ.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    }

    #[cfg(test)]
    mod tests {
        use std::{io::Read as _, thread};

        use rustix::{
            fs::{OFlags, fcntl_setfl},
            pipe::fcntl_setpipe_size,
        };

        use super::*;

        #[test]
        fn a_non_blocking_pipe_gets_everything_however_slow_its_reader_is() {
            let (mut reader, writer) = io::pipe().unwrap();
            fcntl_setpipe_size(&writer, 4096).unwrap();
            fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
            let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_ne_bytes).collect();
            let writing = thread::spawn({
                let bytes = bytes.clone();
                move || write_all(writer.as_fd(), &bytes)
            });
            let mut read = Vec::new();
            let mut piece = [0; 1000];
            while let count @ 1.. = reader.read(&mut piece).unwrap() {
                read.extend_from_slice(&piece[..count]);
                thread::yield_now();
            }
            writing.join().unwrap().unwrap();
            assert_eq!(read, bytes);
        }

        #[test]
        fn a_reader_that_closes_a_full_non_blocking_pipe_is_an_error_after_what_it_could_take() {
            let (reader, writer) = io::pipe().unwrap();
            fcntl_setpipe_size(&writer, 4096).unwrap();
            fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
            let writing = thread::spawn(move || write_all(writer.as_fd(), &[7; 10_000]));
            let mut reader = reader;
            reader.read_exact(&mut [0; 100]).unwrap();
            drop(reader);
            let error = writing.join().unwrap().unwrap_err();
            assert_eq!(error.error.kind(), io::ErrorKind::BrokenPipe);
            assert!(error.written >= 4096 && error.written < 10_000, "{error:?}");
        }
    }
}

/// std converts the text to what a console takes.
#[cfg(windows)]
mod system {
    use std::io::{self, Write};

    use super::WriteError;

    pub(super) fn write_stdout(bytes: &[u8]) -> Result<(), WriteError> {
        write_all(&mut io::stdout().lock(), bytes)
    }

    pub(super) fn write_stderr(bytes: &[u8]) -> Result<(), WriteError> {
        write_all(&mut io::stderr().lock(), bytes)
    }

    /// How much was written before an error is not known: nothing is counted.
    fn write_all(to: &mut impl Write, bytes: &[u8]) -> Result<(), WriteError> {
        to.write_all(bytes).and_then(|()| to.flush()).map_err(|error| WriteError { written: 0, error })
    }

    pub(super) fn stderr_has_room() -> bool {
        true
    }

    pub(super) fn take_back(_: usize) {}

    pub(super) fn ignore_file_size_signal() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_count() {
        for (bytes, length) in [(&b""[..], 0), (b"half", 0), (b"a\n", 2), (b"a\nb\nhal", 4), (b"\n", 1)] {
            assert_eq!(whole_lines(bytes), length, "{bytes:?}");
        }
    }
}
