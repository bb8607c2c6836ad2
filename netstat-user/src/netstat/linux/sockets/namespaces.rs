//! `--all-netns`: every network namespace in turn.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error, Result};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Sockets;
use crate::{
    netstat::linux::notes::Notes,
    readers::{
        errors,
        namespaces::{self, NamespacePath, Search, SocketFile},
        open_files::{self, OpenFiles},
        processes,
        visibility::{self, Limit},
    },
};

/// Where this host's processes are listed.
const PROC: &str = "/proc";

/// The inode number of the calling thread's namespace.
pub fn own() -> Result<u32> {
    namespaces::own().and_then(|namespace| namespaces::number(&namespace)).map_err(|error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let question = if is_missing { ": is /proc mounted?" } else { "" };
        Error::new(error).context(format!("can't read /proc/thread-self/ns/net{question}"))
    })
}

/// Calls `read` in the own network namespace, and in every other that a thread is in, that is mounted in any mount namespace,
/// or that a process holds by a file or by a socket, each on a thread of its own. Looks for the namespaces of sockets whose
/// protocol `is_selected`, by the kernel's name of it. Notes which namespaces are missing, and why.
///
/// # Errors
/// `read` fails in the own namespace, or the processes or the mounts can't be listed.
pub fn in_every_namespace(
    read: impl Fn() -> Result<Sockets> + Sync,
    is_selected: impl Fn(&[u8]) -> bool,
    notes: &Notes,
) -> Result<Vec<Sockets>> {
    let mut visit = Visit::new(own()?, read, notes)?;
    let found = Found::search()?;
    for path in namespaces::mounted()
        .context("can't list the mounts of network namespaces")?
        .iter()
        .chain(&found.search.found)
    {
        visit.path(path);
    }
    let not_opened = visit.sockets_not_listed(&found, is_selected);
    for note in [visit.note(), found.note(), note_on_sockets(not_opened)].into_iter().flatten() {
        notes.add(note);
    }
    Ok(visit.results)
}

/// What processes are in and what they hold.
struct Found {
    search: Search,
    /// An open file of each socket, by the socket's inode number.
    sockets: FxHashMap<u64, (SocketFile, PathBuf)>,
    limits: Vec<Limit>,
}

impl Found {
    fn search() -> Result<Self> {
        let root = Path::new(PROC);
        let mut found = Self {
            search: Search::default(),
            sockets: FxHashMap::default(),
            limits: visibility::limits_of(root),
        };
        let files = OpenFiles::below(root);
        for (pid, process) in processes::below(root).context("can't list /proc")? {
            found.search.process(&process);
            let read = files.each(&process, |file| {
                let Some(inode) = open_files::socket(file.link) else { return found.search.file(file) };
                if let Some(fd) = file.name.to_str().and_then(|name| name.parse().ok()) {
                    found.sockets.entry(inode.get()).or_insert_with(|| (SocketFile { pid, fd }, file.path()));
                }
            });
            read.or_else(|error| if errors::is_exhaustion(&error) { Err(error) } else { Ok(()) })
                .with_context(|| format!("can't read the files in {}", process.display()))?;
        }
        if found.search.denied > 0 {
            found.limits.push(Limit::Denied(found.search.denied));
        }
        Ok(found)
    }

    fn note(&self) -> Option<String> {
        visibility::explain("some network namespaces may be missing", &self.limits)
    }
}

/// One pass through the namespaces.
struct Visit<'a, Read> {
    read: Read,
    notes: &'a Notes,
    results: Vec<Sockets>,
    done: FxHashSet<u32>,
    /// Those that could not be entered, and why.
    not_entered: FxHashMap<u32, String>,
    /// The inode numbers of all sockets so far.
    inodes: FxHashSet<u64>,
}

impl<'a, Read: Fn() -> Result<Sockets> + Sync> Visit<'a, Read> {
    fn new(own: u32, read: Read, notes: &'a Notes) -> Result<Self> {
        let first = read()?;
        let mut visit = Self {
            read,
            notes,
            results: Vec::new(),
            done: FxHashSet::default(),
            not_entered: FxHashMap::default(),
            inodes: FxHashSet::default(),
        };
        visit.add(own, first);
        Ok(visit)
    }

    fn add(&mut self, number: u32, sockets: Sockets) {
        self.done.insert(number);
        self.not_entered.remove(&number);
        let inodes = sockets.inet.iter().map(|socket| socket.inode);
        self.inodes.extend(inodes.chain(sockets.unix.iter().map(|socket| socket.inode)));
        self.results.push(sockets);
    }

    fn path(&mut self, path: &NamespacePath) {
        if self.done.contains(&path.number) {
            return;
        }
        // The namespace may no longer exist, or this process may lack the privilege to enter it. Another path may work.
        match path.open() {
            Ok(namespace) => self.enter(path.number, &namespace),
            Err(error) if errors::is_gone(&error) => {}
            Err(error) => {
                self.not_entered.insert(path.number, why_not_entered(error));
            }
        }
    }

    fn enter(&mut self, number: u32, namespace: &std::fs::File) {
        let read = &self.read;
        match namespaces::within::<_, io::Error>(namespace, || Ok(read())) {
            Ok(Ok(sockets)) => self.add(number, sockets),
            Ok(Err(error)) => {
                self.done.insert(number);
                self.notes.add(format!("the sockets of network namespace {number} are missing: {error:#}"));
            }
            Err(error) => {
                self.not_entered.insert(number, why_not_entered(error));
            }
        }
    }

    /// Visits the namespaces of sockets that no namespace so far has listed. Returns how many of them could not be looked
    /// up.
    fn sockets_not_listed(&mut self, found: &Found, is_selected: impl Fn(&[u8]) -> bool) -> usize {
        let mut not_opened = 0;
        for (inode, (file, path)) in &found.sockets {
            if self.inodes.contains(inode) || namespaces::protocol(path).is_ok_and(|name| !is_selected(&name))
            {
                continue;
            }
            match namespaces::of_socket(file, |_| true) {
                Ok(namespace) => match namespaces::number(&namespace) {
                    Ok(number) if !self.done.contains(&number) => self.enter(number, &namespace),
                    _ => {}
                },
                Err(error) if errors::is_gone(&error) => {}
                Err(_) => not_opened += 1,
            }
        }
        not_opened
    }

    fn note(&self) -> Option<String> {
        let why = self.not_entered.values().next()?;
        let namespaces = match self.not_entered.len() {
            1 => "1 network namespace".to_owned(),
            count => format!("{count} network namespaces"),
        };
        Some(format!("{namespaces} could not be entered: {why}"))
    }
}

fn why_not_entered(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "that needs root".to_owned(),
        _ => errors::with_advice_on_resources(error.into()).to_string(),
    }
}

fn note_on_sockets(count: usize) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{count} sockets may be in other network namespaces: to look them up needs CAP_SYS_PTRACE and CAP_NET_ADMIN"
        )
    })
}
