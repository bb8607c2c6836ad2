//! Names of addresses: looked up at the same time, within a time limit.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use dns_lookup::LookupError;
use rustc_hash::FxHashMap;

use super::Answer;

/// How long a table waits for all of its names.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Lookups that run at the same time.
const MAX_LOOKUPS: usize = 32;

/// The names of addresses.
pub struct Hosts {
    /// No name while the lookup is running.
    names: FxHashMap<IpAddr, Answer>,
    pending: usize,
    answers: Receiver<(IpAddr, Answer)>,
    sender: Sender<(IpAddr, Answer)>,
}

impl Default for Hosts {
    fn default() -> Self {
        let (sender, answers) = mpsc::channel();
        Self { names: FxHashMap::default(), pending: 0, answers, sender }
    }
}

impl Hosts {
    /// Starts a lookup for each new address, and takes the answers that come within the time limit, also those of earlier
    /// lookups.
    pub fn resolve(&mut self, addrs: impl Iterator<Item = IpAddr>) {
        let mut new = Vec::new();
        for addr in addrs {
            self.names.entry(addr).or_insert_with(|| {
                new.push(addr);
                Answer::Nothing
            });
        }
        self.pending += new.len();
        self.start(new);
        let deadline = Instant::now() + TIMEOUT;
        while self.pending > 0 {
            let timeout = deadline.saturating_duration_since(Instant::now());
            let Ok((addr, answer)) = self.answers.recv_timeout(timeout) else { return };
            self.pending -= 1;
            self.names.insert(addr, answer);
        }
    }

    /// The name of an address, if it is known.
    pub fn name(&self, addr: IpAddr) -> Option<&str> {
        self.names.get(&addr)?.name()
    }

    /// How many addresses have a name that can't be shown.
    #[cfg(target_os = "linux")]
    pub fn unusable(&self) -> usize {
        self.names.values().filter(|answer| **answer == Answer::Unusable).count()
    }

    /// Starts threads for the lookups. They are never joined: one that waits for a dead server ends with the process.
    fn start(&self, addrs: Vec<IpAddr>) {
        let workers = addrs.len().min(MAX_LOOKUPS);
        let addrs = Arc::new(Mutex::new(addrs));
        for _ in 0..workers {
            let (addrs, sender) = (Arc::clone(&addrs), self.sender.clone());
            let work = move || {
                while let Some(addr) = next(&addrs)
                    && sender.send((addr, lookup(addr))).is_ok()
                {}
            };
            // If a thread can't be started, the others take its addresses; without any thread they are shown as numbers.
            let _ = thread::Builder::new().name("resolve".to_owned()).spawn(work);
        }
    }
}

fn next(addrs: &Mutex<Vec<IpAddr>>) -> Option<IpAddr> {
    addrs.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// Uses the system's resolver: /etc/hosts, DNS, or what else nsswitch.conf(5) lists.
fn lookup(addr: IpAddr) -> Answer {
    answer(addr, dns_lookup::lookup_addr(&addr))
}

/// What the resolver says of an address. Without a name it gives the address again.
fn answer(addr: IpAddr, found: Result<String, LookupError>) -> Answer {
    Answer::of(found, |name| name.parse() == Ok(addr))
}

/// The name of an address, if it can be shown.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn shown_name(addr: IpAddr, name: &str) -> Option<String> {
    answer(addr, Ok(name.to_owned())).name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_an_address_is_not_shown() {
        let addr = IpAddr::from([192, 0, 2, 1]);
        for name in
            ["www.example.org", "db-1", "1.2.3.4.in-addr.arpa", "10-0-0-1.example", "a_b.c.", "x.0xyz"]
        {
            assert_eq!(shown_name(addr, name).as_deref(), Some(name));
        }
        for name in [
            "10.0.0.1",
            "192.0.2.1.",
            "127.1",
            "8",
            "0x7f000001",
            "1.0x",
            "::1",
            "10.0.0.1:443",
            "fe80::1%eth0",
            "10.0.0.0/8",
            "[::1]",
            "*:443",
            "",
            ".",
            "two words",
        ] {
            assert_eq!(answer(addr, Ok(name.to_owned())), Answer::Unusable, "{name:?}");
        }
        assert_eq!(answer(addr, Ok("192.0.2.1".to_owned())), Answer::Nothing);
    }
}
