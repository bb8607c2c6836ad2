//! The two iterators: loaded once, opened for each look, read to their end.

use std::{
    fs::File,
    io::{self, Read},
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use aya::{Ebpf, EbpfLoader, programs::Iter};
use netstat_ebpf::wire::{
    self, ClassicFormat, HolderRecord, Offsets, Plain, SnapshotRecord, SocketFileRecord, program,
};

use super::super::{
    attach_types::attach_types,
    attempts::Attempts,
    btf::Btf,
    hooks::{SNAPSHOTS, SOCKET_FILES},
    object::{self, LoadOptions},
    offsets,
};

/// The least that a ring buffer can have on any machine (the largest page); nothing is written to it.
const UNUSED_RING_BYTES: u32 = 64 << 10;
/// Iterators have no filter.
static UNFILTERED: LoadOptions = LoadOptions::unfiltered(UNUSED_RING_BYTES);
/// Twice what the kernel hands over at once (`bpf_seq_read`, eight pages of 4 KiB).
const BUFFER_BYTES: usize = 64 << 10;

/// The loaded iterators.
pub struct Iterators {
    ebpf: Ebpf,
    buffer: Vec<u8>,
}

/// An iteration over the processes' files that has not begun: another thread may read it.
pub struct Holders(File);

impl Holders {
    /// Reads the TCP sockets and namespaces that the processes hold, as far as the pid namespace of the thread that
    /// opened it shows processes.
    ///
    /// # Errors
    /// It can't be read to its end; what came before that is still true.
    pub fn read(self, each: impl FnMut(HolderRecord)) -> Result<()> {
        Ok(read(self.0, &mut vec![0; BUFFER_BYTES], each)?)
    }
}

impl Iterators {
    /// Loads both.
    ///
    /// # Errors
    /// The kernel refuses one: the error says which, and why.
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
    /// The iterator can't be opened, or not be read to its end.
    pub fn sockets(&mut self, each: impl FnMut(SnapshotRecord)) -> Result<()> {
        let file = open(&mut self.ebpf, program::ITER_TCP)?;
        Ok(read(file, &mut self.buffer, each)?)
    }

    /// Opens the iterator over the processes' files.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn holders(&mut self) -> Result<Holders> {
        Ok(Holders(open(&mut self.ebpf, program::ITER_TASK_FILE)?))
    }
}

/// Reads, once, which processes hold sockets of any family, in all network namespaces, as far as the calling
/// thread's pid namespace shows processes; the process ids are those of the initial one.
///
/// # Errors
/// The kernel has no BTF or refuses the iterator, or it can't be read to its end.
pub fn socket_files(each: impl FnMut(SocketFileRecord)) -> Result<()> {
    // Both read the kernel's BTF, which is most of the time until the first socket.
    let (loader, kernel) = thread::scope(|scope| {
        let loader = scope.spawn(EbpfLoader::new);
        let kernel = Btf::of_this_kernel()
            .context("no BTF of the kernel")
            .and_then(|btf| Ok((offsets::of_socket_files(&btf)?, attach_types(&btf)?)));
        (loader.join(), kernel)
    });
    let (offsets, kernel) = kernel?;
    let mut loader: EbpfLoader<'_> = loader.map_err(|_| anyhow!("the loader of eBPF programs failed"))?;
    let mut ebpf = object::prepare(&mut loader, &UNFILTERED, &offsets, &ClassicFormat::NONE, Some(&kernel))?;
    for hook in SOCKET_FILES.hooks {
        let answer = find(&mut ebpf, hook.program)?.load(hook.target, &kernel).map_err(object::refusal);
        answer.with_context(|| format!("{}/{}", hook.kind.name(), hook.name()))?;
    }
    let file = open(&mut ebpf, program::ITER_SOCKET_FILE)?;
    Ok(read(file, &mut vec![0; BUFFER_BYTES], each)?)
}

fn find<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Iter> {
    Ok(object::find(ebpf, name)?.try_into()?)
}

/// Begins another iteration: its link lasts as long as the file.
fn open(ebpf: &mut Ebpf, name: &str) -> Result<File> {
    let iterator = find(ebpf, name)?;
    let link = iterator.attach()?;
    Ok(iterator.take_link(link)?.into_file()?)
}

fn read<T: Plain>(mut file: impl Read, buffer: &mut [u8], mut each: impl FnMut(T)) -> io::Result<()> {
    let mut filled = 0;
    loop {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(bytes) => filled += bytes,
            // WouldBlock is how the kernel rests after a million objects that gave no record.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        let whole = filled - filled % size_of::<T>();
        for record in buffer[..whole].chunks_exact(size_of::<T>()) {
            if let Some(record) = wire::from_bytes(record) {
                each(record);
            }
        }
        // A record that came in two parts waits for its second at the buffer's beginning.
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

#[cfg(test)]
mod tests {
    use netstat_ebpf::wire::as_bytes;

    use super::*;

    /// Gives so many bytes at a time, and an error that means "go on" before each.
    struct Halting<'a> {
        bytes: &'a [u8],
        step: usize,
        rested: bool,
    }

    impl Read for Halting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.rested = !self.rested;
            if self.rested {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let step = self.step.min(buffer.len());
            self.bytes.take(step as u64).read(buffer).inspect(|count| self.bytes = &self.bytes[*count..])
        }
    }

    fn records(bytes: &[u8], step: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        let reader = Halting { bytes, step, rested: false };
        read(reader, &mut [0; 128], |record: HolderRecord| seen.push(record.sk)).unwrap();
        seen
    }

    fn holders(count: u64) -> Vec<u8> {
        let holder = |sk| HolderRecord { sk, netns: 1, fd: 3, pid: 7, uid: 0, comm: [0; 2] };
        (1..=count).flat_map(|sk| as_bytes(&holder(sk)).to_vec()).collect()
    }

    #[test]
    fn records_are_whole_however_the_bytes_come() {
        for step in [1, 7, 40, 41, 1000] {
            assert_eq!(records(&holders(9), step), (1..=9).collect::<Vec<_>>(), "{step} bytes at a time");
        }
    }

    #[test]
    fn a_torn_record_at_the_end_is_left_out() {
        let bytes = holders(3);
        assert_eq!(records(&bytes[..bytes.len() - 1], 1000), [1, 2]);
    }
}
