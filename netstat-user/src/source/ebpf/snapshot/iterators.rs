//! The two BPF iterators: loaded once, opened for each snapshot, read to their end.

use std::{
    fs::File,
    io::{self, Read},
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, EbpfLoader, programs::Iter};
use netstat_ebpf::wire::{
    self, ClassicFormat, HolderRecord, Offsets, Plain, SNAPSHOT_THREAD_NAME, SnapshotRecord,
    SocketFileRecord, program,
};

use super::super::{
    attach_types::attach_types,
    attempts::Attempts,
    btf::Btf,
    hooks::{SNAPSHOTS, SOCKET_FILES},
    memory_need,
    object::{self, LoadOptions},
    offsets, parallel,
};
use crate::readers::memory_limit;

/// The smallest ring buffer that every machine allows, the largest page size. The iterators write nothing to it.
const UNUSED_RING_BYTES: u32 = 64 << 10;
/// The iterators have no filter.
static UNFILTERED: LoadOptions = LoadOptions::unfiltered(Some(UNUSED_RING_BYTES), None);
/// Twice what the kernel returns at once: eight pages of 4 KiB (`bpf_seq_read`, kernel/bpf/bpf_iter.c, 5.8).
const BUFFER_BYTES: usize = 64 << 10;

/// The loaded iterators.
pub struct Iterators {
    ebpf: Ebpf,
    buffer: Vec<u8>,
}

/// An open iterator over the processes' files. Any thread may read it.
pub struct SocketFiles(File);

impl SocketFiles {
    /// Reads the TCP sockets and the namespaces that processes hold by a file. Covers the processes in the PID namespace
    /// of the thread that opened the iterator.
    ///
    /// # Errors
    /// The iterator can't be read to its end.
    pub fn read(&self, each: impl FnMut(HolderRecord)) -> Result<()> {
        read(&self.0, &mut vec![0; BUFFER_BYTES], each)
            .context("can't read the iterator over the processes' files")
    }
}

impl Iterators {
    /// Loads both iterators.
    ///
    /// # Errors
    /// The kernel refuses one of them: the error says which, and why.
    pub fn load<'a>(
        loader: &mut EbpfLoader<'a>,
        offsets: &'a Offsets,
        kernel: &'a aya::Btf,
        attempts: &mut Attempts,
    ) -> Result<Self> {
        let mut ebpf = object::prepare(loader, &UNFILTERED, offsets, &ClassicFormat::NONE, Some(kernel))?;
        for hook in SNAPSHOTS.hooks {
            let answer = find(&mut ebpf, hook.program)?.load(hook.target, kernel).map_err(object::refusal);
            attempts.record(hook.name(), hook.kind.name(), answer)?;
        }
        Ok(Self { ebpf, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Reads the TCP sockets of the network namespace that the calling thread is in.
    ///
    /// # Errors
    /// The iterator can't be opened, or can't be read to its end.
    pub fn read_sockets(&mut self, each: impl FnMut(SnapshotRecord)) -> Result<()> {
        let file =
            open(&mut self.ebpf, program::ITER_TCP).context("can't open the iterator over TCP sockets")?;
        read(file, &mut self.buffer, each).context("can't read the iterator over TCP sockets")
    }

    /// Opens the iterator over the processes' files.
    ///
    /// # Errors
    /// The iterator can't be opened.
    pub fn open_socket_files(&mut self) -> Result<SocketFiles> {
        let file = open(&mut self.ebpf, program::ITER_TASK_FILE);
        Ok(SocketFiles(file.context("can't open the iterator over the processes' files")?))
    }
}

/// Reads once which processes hold sockets of any family, in all network namespaces. Covers the processes in the PID
/// namespace of the calling thread; the process ids are those of the initial PID namespace.
///
/// # Errors
/// The memory limit is too low, the kernel has no BTF or refuses the iterator, or the iterator can't be read to its end.
pub fn socket_files(each: impl FnMut(SocketFileRecord)) -> Result<()> {
    memory_need::check(memory_limit::own(), UNUSED_RING_BYTES)?;
    // Both parse the kernel's BTF, which takes most of the time until the first socket.
    let (loader, kernel) = parallel::join("rnetstat-load", EbpfLoader::new, || {
        let btf = Btf::of_this_kernel().context("no BTF of the kernel")?;
        anyhow::Ok((offsets::of_socket_files(&btf)?, attach_types(&btf)?))
    });
    let (offsets, kernel) = kernel?;
    let mut loader: EbpfLoader<'_> = loader;
    let mut ebpf = object::prepare(&mut loader, &UNFILTERED, &offsets, &ClassicFormat::NONE, Some(&kernel))?;
    for hook in SOCKET_FILES.hooks {
        let answer = find(&mut ebpf, hook.program)?.load(hook.target, &kernel).map_err(object::refusal);
        answer.with_context(|| format!("{}/{}", hook.kind.name(), hook.name()))?;
    }
    let file = open(&mut ebpf, program::ITER_SOCKET_FILE)?;
    // A trace takes no thread of this name for a process that closes a socket.
    let (records, ()) = parallel::join(
        SNAPSHOT_THREAD_NAME,
        || {
            let mut records = Vec::new();
            read(&file, &mut vec![0; BUFFER_BYTES], |record| records.push(record)).map(|()| records)
        },
        || (),
    );
    records?.into_iter().for_each(each);
    Ok(())
}

fn find<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Iter> {
    Ok(object::find(ebpf, name)?.try_into()?)
}

/// Starts another iteration. The kernel keeps the link as long as the file is open.
fn open(ebpf: &mut Ebpf, name: &str) -> Result<File> {
    let iterator = find(ebpf, name)?;
    let link = iterator.attach()?;
    Ok(iterator.take_link(link)?.into_file()?)
}

/// Reads records until the end of the file.
///
/// # Errors
/// Those of the file, and `UnexpectedEof` if the last record is truncated.
pub(crate) fn read<T: Plain>(
    mut file: impl Read,
    buffer: &mut [u8],
    mut each: impl FnMut(T),
) -> io::Result<()> {
    let mut filled = 0;
    loop {
        match file.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(()),
            Ok(0) => {
                let why = format!("its last record is truncated: {filled} of {} bytes", size_of::<T>());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            Ok(bytes) => filled += bytes,
            // `bpf_seq_read` returns EAGAIN after a million objects without a record (kernel/bpf/bpf_iter.c, 5.9).
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        let whole = filled - filled % size_of::<T>();
        for record in buffer[..whole].chunks_exact(size_of::<T>()) {
            if let Some(record) = wire::from_bytes(record) {
                each(record);
            }
        }
        // The first part of a record waits for the rest at the start of the buffer.
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

#[cfg(test)]
mod tests {
    use netstat_ebpf::wire::{Process, as_bytes};

    use super::*;

    /// Returns at most `step` bytes at a time, and EAGAIN before each; at the end `last_error`, if there is one.
    struct Chunked<'a> {
        bytes: &'a [u8],
        step: usize,
        blocks: bool,
        last_error: Option<io::ErrorKind>,
    }

    impl Read for Chunked<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.blocks = !self.blocks;
            if self.blocks {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if self.bytes.is_empty()
                && let Some(error) = self.last_error
            {
                return Err(error.into());
            }
            let step = self.step.min(buffer.len());
            self.bytes.take(step as u64).read(buffer).inspect(|count| self.bytes = &self.bytes[*count..])
        }
    }

    fn records(bytes: &[u8], step: usize, last_error: Option<io::ErrorKind>) -> io::Result<Vec<u64>> {
        let mut sockets = Vec::new();
        let reader = Chunked { bytes, step, blocks: false, last_error };
        read(reader, &mut [0; 128], |record: HolderRecord| sockets.push(record.sk))?;
        Ok(sockets)
    }

    fn holders(count: u64) -> Vec<u8> {
        let holder = |sk| HolderRecord { sk, netns: 1, fd: 3, process: Process::default() };
        (1..=count).flat_map(|sk| as_bytes(&holder(sk)).to_vec()).collect()
    }

    #[test]
    fn records_are_whole_however_many_bytes_a_read_returns() {
        for step in [1, 7, 48, 49, 1000] {
            let sockets = records(&holders(9), step, None).unwrap();
            assert_eq!(sockets, (1..=9).collect::<Vec<_>>(), "{step} bytes at a time");
        }
    }

    #[test]
    fn a_truncated_record_at_the_end_is_an_error_that_says_how_much_is_missing() {
        let bytes = holders(3);
        for step in [1, 7, 1000] {
            let error = records(&bytes[..bytes.len() - 1], step, None).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            assert_eq!(error.to_string(), "its last record is truncated: 47 of 48 bytes");
        }
    }

    #[test]
    fn a_read_error_after_some_records_is_an_error_of_the_whole_iteration() {
        let error = records(&holders(3), 48, Some(io::ErrorKind::Other)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
    }
}
