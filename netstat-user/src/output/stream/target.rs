//! Where a stream's lines go, and how much is written at once.

use crate::standard_streams::{WriteError, try_write_stdout};

/// A pipe takes this much whole or not at all (POSIX PIPE_BUF on Linux; pipe(7)): however the program ends, no line is
/// half written.
const ATOMIC_BYTES: usize = 4096;
/// A file takes any amount; larger writes are cheaper.
#[cfg(unix)]
const FILE_BYTES: usize = 64 << 10;

/// Where the lines go.
pub enum Target {
    /// Standard output.
    Stdout,
    /// A pipe with its own bound of the queue, bytes.
    #[cfg(test)]
    Pipe(std::io::PipeWriter, usize),
}

impl Target {
    /// How many bytes are written at once at most, unless a single line is longer.
    pub(super) fn chunk_bytes(&self) -> usize {
        match self {
            #[cfg(unix)]
            Self::Stdout if is_file() => FILE_BYTES,
            Self::Stdout => ATOMIC_BYTES,
            #[cfg(test)]
            Self::Pipe(..) => ATOMIC_BYTES,
        }
    }

    /// The bound of the queue, where it isn't the ordinary one.
    pub(super) fn queue_bytes(&self) -> Option<usize> {
        match self {
            Self::Stdout => None,
            #[cfg(test)]
            Self::Pipe(_, bytes) => Some(*bytes),
        }
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// A write fails. `written` counts whole lines only.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        match self {
            Self::Stdout => try_write_stdout(bytes),
            #[cfg(test)]
            Self::Pipe(pipe, _) => {
                std::io::Write::write_all(pipe, bytes).map_err(|error| WriteError { written: 0, error })
            }
        }
    }
}

#[cfg(unix)]
fn is_file() -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(rustix::stdio::stdout()).is_ok_and(|stat| {
        matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile) || is_null_device(&stat)
    })
}

/// /dev/null takes any amount at once (character device 1:3, Documentation/admin-guide/devices.txt).
#[cfg(unix)]
fn is_null_device(stat: &rustix::fs::Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice
        && (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == (1, 3)
}
