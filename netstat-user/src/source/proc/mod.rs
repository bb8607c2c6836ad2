//! The source that needs no privilege: polls /proc.

mod holders;
mod namespace;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    io, mem,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::thread::CapabilitySet;

use self::{holders::Scan, namespace::Namespace, tables::Held};
use super::{
    capacity::Capacity,
    clock,
    poll::{self, Owners, PollSource, Poller, Stop},
};
use crate::{
    filter::Values,
    model::{Missing, Owner, Poll, PolledSocket, SocketHandle, Source, Started, UnreadNetns},
    open_files,
    readers::{
        errors, namespaces, processes,
        visibility::{self, Limit},
    },
};

/// The capabilities(7) that a poll uses, if the process has them: to read which files other users' processes hold, and
/// to find (`SIOCGSKNS` takes CAP_NET_ADMIN) and enter network namespaces without a process.
pub const PRIVILEGES: CapabilitySet = CapabilitySet::SYS_PTRACE
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::NET_ADMIN);

/// Scans for namespaces, and for sockets that were handed on, take at most one part in this many of the time.
const SCAN_SHARE: u32 = 20;

/// Reads the sockets from a proc file system.
pub struct ProcPoller {
    root: PathBuf,
    netns: Values<u32>,
    capacity: Capacity,
    held: Held,
    /// The namespaces of sockets that no table lists.
    sockets_elsewhere: FxHashMap<SocketHandle, u32>,
    /// When the next scan is due. It depends on how long the last one took.
    next_scan: Instant,
    /// The scan that the last poll has made.
    scan: Option<Scan>,
    /// When the owners that were found were started, by their ids.
    started: FxHashMap<u32, u64>,
    /// How many processes the last scan could not inspect.
    denied: usize,
}

/// What to poll and how often.
#[derive(Debug)]
pub struct ProcOptions<'a> {
    /// Where the proc file system is mounted.
    pub root: PathBuf,
    /// Inode numbers of the network namespaces to poll; all if none is named.
    pub netns: Values<u32>,
    /// How often.
    pub interval: Duration,
    /// How long the trace lasts, if that is known.
    pub duration: Option<Duration>,
    /// How many connections are kept at most.
    pub table_size: usize,
    /// The limit of this process's memory, bytes; None if there is none.
    pub memory_limit: Option<u64>,
    /// Why eBPF can't be used.
    pub instead_of: Option<&'a anyhow::Error>,
}

/// Takes the first poll.
///
/// # Errors
/// There is no network namespace whose sockets can be read below the root.
pub fn start(options: ProcOptions<'_>) -> Result<PollSource<ProcPoller>> {
    let missing = missing(&options);
    let ProcOptions { root, netns, interval, duration, table_size, memory_limit, instead_of: _ } = options;
    ensure!(
        is_readable(&root),
        "no process's net/tcp can be read below {}: {}",
        root.display(),
        why_unreadable()
    );
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let started = Started { at: clock::now(), source: Source::Proc, kernel, hooks: Vec::new(), missing };
    Ok(PollSource::start(
        ProcPoller { capacity: Capacity::within(memory_limit), ..ProcPoller::new(root, netns) },
        interval,
        duration,
        table_size,
        started,
    ))
}

/// Whether there is a network namespace whose tables of sockets can be opened below the root.
pub fn is_readable(root: &Path) -> bool {
    tables::find(root, &Held::default()).is_ok_and(|namespaces| namespaces.iter().any(Namespace::opens))
}

/// What to do where no table can be read.
fn why_unreadable() -> String {
    /// As many as a search of /proc has open.
    const NEEDED: u64 = 16;
    match open_files::limit().filter(|limit| *limit < NEEDED) {
        Some(limit) => {
            format!("the limit of open files is {limit}, and {NEEDED} are needed: ulimit -n {NEEDED}")
        }
        None => "name a mounted proc file system by --proc-root".to_owned(),
    }
}

impl ProcPoller {
    fn new(root: PathBuf, netns: Values<u32>) -> Self {
        Self {
            root,
            netns,
            capacity: Capacity::within(None),
            held: Held::default(),
            sockets_elsewhere: FxHashMap::default(),
            next_scan: Instant::now(),
            scan: None,
            started: FxHashMap::default(),
            denied: 0,
        }
    }

    /// Scans the files of all processes for the holders of sockets and for network namespaces. `is_listed` decides whether
    /// a table has the socket.
    ///
    /// # Errors
    /// The processes can't be listed, their files can't be read for want of a resource, or `stop` is due.
    fn scan(&mut self, is_listed: impl Fn(SocketHandle) -> bool, stop: &Stop) -> Result<Scan> {
        let began = Instant::now();
        let mut scan = Scan::of(&self.root, stop)?;
        self.denied = scan.denied;
        self.held = Held { paths: mem::take(&mut scan.namespaces), sockets: FxHashMap::default() };
        if tables::is_own(&self.root) && processes::has_own_ids(&self.root) {
            self.find_sockets_elsewhere(&scan, is_listed, stop)?;
        }
        self.next_scan = Instant::now() + began.elapsed() * SCAN_SHARE;
        Ok(scan)
    }

    /// Finds the namespaces of TCP sockets that no table lists: nothing but a socket may lead there.
    fn find_sockets_elsewhere(
        &mut self,
        scan: &Scan,
        is_listed: impl Fn(SocketHandle) -> bool,
        stop: &Stop,
    ) -> Result<()> {
        let mut known = mem::take(&mut self.sockets_elsewhere);
        for (handle, file, path) in scan.sockets(is_listed) {
            stop.check()?;
            let is_tcp = || namespaces::protocol(&path).is_ok_and(|name| is_tcp(&name));
            let number = known.remove(&handle).or_else(|| {
                let namespace = is_tcp().then(|| namespaces::of_socket(file, |_| true))?.ok()?;
                namespaces::number(&namespace).ok()
            });
            if let Some(number) = number {
                self.sockets_elsewhere.insert(handle, number);
                self.held.sockets.entry(number).or_insert_with(|| file.clone());
            }
        }
        Ok(())
    }

    /// Reads the sockets of the namespaces that are not in `polled` yet.
    fn read(&self, reading: &mut Reading, stop: &Stop) -> Result<()> {
        let namespaces = tables::find(&self.root, &self.held)
            .with_context(|| format!("can't list {}", self.root.display()))?;
        for namespace in namespaces {
            if !self.netns.allow(namespace.number) || !reading.tried.insert(namespace.number) {
                continue;
            }
            let room = self.capacity.sockets().saturating_sub(reading.poll.sockets.len());
            match namespace.read(stop, room) {
                Ok(namespace::Found { sockets, beyond, lost }) => {
                    reading.beyond += beyond;
                    reading.has_read = true;
                    reading.add(sockets);
                    if !lost.is_empty() {
                        reading.incomplete(namespace.number, &lost.join("; "));
                    }
                }
                Err(error) => {
                    stop.check()?;
                    reading.failed(namespace.number, error);
                }
            }
        }
        reading.check_memory(self.capacity)
    }
}

/// A poll in progress.
#[derive(Default)]
struct Reading {
    poll: Poll,
    /// How many more sockets there are than there is memory for.
    beyond: usize,
    tried: FxHashSet<u32>,
    has_read: bool,
    last_error: Option<io::Error>,
}

impl Reading {
    /// Adds the sockets of a namespace. Most hosts have one with many sockets: they are not copied.
    fn add(&mut self, mut sockets: Vec<PolledSocket>) {
        let all = &mut self.poll.sockets;
        if all.len() < sockets.len() {
            mem::swap(all, &mut sockets);
        }
        all.append(&mut sockets);
    }

    /// # Errors
    /// There are more sockets than there is memory for.
    fn check_memory(&self, capacity: Capacity) -> Result<()> {
        match capacity.excess(self.poll.sockets.len() + self.beyond) {
            Some(excess) => bail!("it takes {excess}, or choose namespaces by --netns"),
            None => Ok(()),
        }
    }

    fn failed(&mut self, netns: u32, error: io::Error) {
        self.poll.unread.insert(Some(netns));
        // What led to the namespace may be gone, and the namespace with it.
        if !errors::is_gone(&error) {
            self.poll.unread_why.push(UnreadNetns { netns, why: format!("can't be read: {error}") });
        }
        self.last_error = Some(error);
    }

    /// Some lines of a table are no sockets: a socket that isn't found may be one of them.
    fn incomplete(&mut self, netns: u32, lost: &str) {
        self.poll.unread.insert(Some(netns));
        let why = format!("was not read completely: {lost}");
        self.poll.unread_why.push(UnreadNetns { netns, why });
    }

    fn finish(mut self) -> Result<Poll> {
        if let (false, Some(error)) = (self.has_read, self.last_error) {
            return Err(error).context("can't read the sockets of any network namespace");
        }
        self.poll.unread_why.sort_by_key(|unread| unread.netns);
        self.poll.at = clock::now();
        Ok(self.poll)
    }
}

impl Poller for ProcPoller {
    fn poll(&mut self, stop: &Stop) -> Result<Poll> {
        self.scan = None;
        let mut reading = Reading::default();
        self.read(&mut reading, stop)?;
        if Instant::now() >= self.next_scan {
            let listed: FxHashSet<SocketHandle> =
                reading.poll.sockets.iter().filter_map(|socket| socket.handle).collect();
            match self.scan(|handle| listed.contains(&handle), stop) {
                Ok(scan) => {
                    self.scan = Some(scan);
                    self.read(&mut reading, stop)?;
                }
                // The sockets that have been read are shown, without their owners.
                Err(_) if stop.is_late() => reading.poll.is_cut = true,
                Err(error) => return Err(error),
            }
        }
        reading.finish()
    }

    fn find_owners(&mut self, owners: &mut Owners, stop: &Stop) -> Result<()> {
        let scan = match self.scan.take() {
            Some(scan) => scan,
            None => Scan::of(&self.root, stop)?,
        };
        self.started = scan.fill_in(owners);
        Ok(())
    }

    fn has_read_owners(&self) -> bool {
        self.scan.is_some()
    }

    fn refresh(&self, owner: &Owner) -> Option<Owner> {
        let processes::Identity { comm, started, has_exited } =
            processes::identity(&self.root.join(owner.pid.to_string())).ok()?;
        (self.started.get(&owner.pid) == Some(&started) && !has_exited).then_some(Owner { comm, ..*owner })
    }

    fn missing(&self) -> Vec<Missing> {
        let mut limits = visibility::limits_of(&self.root);
        if self.denied > 0 {
            limits.push(Limit::Denied(self.denied));
        }
        let why: Vec<String> = limits.iter().map(|limit| limit.explain()).collect();
        let what = "the processes of some sockets, and some network namespaces".into();
        if why.is_empty() { Vec::new() } else { vec![Missing { what, why: why.join("; ") }] }
    }
}

/// Whether the kernel's name of a protocol is that of TCP or MPTCP.
fn is_tcp(name: &[u8]) -> bool {
    name.starts_with(b"TCP") || name.starts_with(b"MPTCP")
}

fn missing(options: &ProcOptions<'_>) -> Vec<Missing> {
    let (what, limits) = poll::between_polls(options.interval, &options.root.display().to_string());
    let why = match options.instead_of {
        Some(error) => format!("{limits}; eBPF would show all of it, but {error:#}"),
        None => limits,
    };
    vec![
        Missing { what: what.into(), why },
        Missing {
            what: "cgroups, reasons to end and numbers, times in a state".into(),
            why: format!("{} doesn't show them", options.root.display()),
        },
    ]
}
