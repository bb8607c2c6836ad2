//! Collects what a program writes while it runs, at a pace that the test chooses.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::FileExt as _,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, anyhow};
use rustix::fs::{MemfdFlags, memfd_create};

/// Where stdout goes.
pub enum Destination {
    /// To a pipe that is read at once.
    Pipe,
    /// To a pipe. The function is called with the length of each piece that was read, and returns when the next may
    /// be read.
    Paced(Box<dyn FnMut(usize) + Send>),
    /// To a file in memory: a slow disk would be a slow reader.
    File,
}

/// The output of a running program.
pub struct Output {
    collected: Arc<Mutex<Vec<u8>>>,
    from: From,
}

enum From {
    Reader(JoinHandle<Result<()>>),
    File(File),
}

impl Output {
    /// A file in memory, and what to pass to the process as its stdout.
    pub fn into_file() -> Result<(Stdio, Self)> {
        let file = File::from(memfd_create(c"stdout", MemfdFlags::CLOEXEC).context("memfd_create")?);
        Ok((file.try_clone()?.into(), Self { collected: Arc::default(), from: From::File(file) }))
    }

    /// Reads the process's end of a pipe.
    pub fn read(mut pipe: impl Read + Send + 'static, mut pace: impl FnMut(usize) + Send + 'static) -> Self {
        let collected: Arc<Mutex<Vec<u8>>> = Arc::default();
        let to = Arc::clone(&collected);
        let reader = thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            loop {
                let length = pipe.read(&mut piece).context("reading its output")?;
                if length == 0 {
                    return Ok(());
                }
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
                pace(length);
            }
        });
        Self { collected, from: From::Reader(reader) }
    }

    /// The complete lines so far.
    pub fn lines_so_far(&self) -> Result<String> {
        let bytes = match &self.from {
            From::Reader(_) => self.collected.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            From::File(file) => contents(file)?,
        };
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        Ok(std::str::from_utf8(&bytes[..end])?.to_owned())
    }

    /// The whole output, once the process has ended.
    pub fn all(self) -> Result<String> {
        let bytes = match self.from {
            From::Reader(reader) => {
                reader.join().map_err(|_| anyhow!("the reader panicked"))??;
                std::mem::take(&mut *self.collected.lock().unwrap_or_else(PoisonError::into_inner))
            }
            From::File(file) => contents(&file)?,
        };
        String::from_utf8(bytes).context("the output isn't UTF-8")
    }
}

/// The file's contents. The offset at which the process writes doesn't change.
fn contents(file: &File) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
