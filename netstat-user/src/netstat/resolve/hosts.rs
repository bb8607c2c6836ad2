//! Names of addresses: many asked for at once, none waited for longer than a person waits.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::is_harmless;

/// How long a table may wait for all its names together.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Questions that are under way at the same time.
const AT_ONCE: usize = 32;

type Answer = (IpAddr, Option<String>);

/// What is known of which address.
pub struct Hosts {
    /// None while nobody has answered, or if it has no name.
    names: FxHashMap<IpAddr, Option<String>>,
    waiting: usize,
    answers: Receiver<Answer>,
    answer: Sender<Answer>,
}

impl Default for Hosts {
    fn default() -> Self {
        let (answer, answers) = mpsc::channel();
        Self { names: FxHashMap::default(), waiting: 0, answers, answer }
    }
}

impl Hosts {
    /// Asks for what has not been asked for, and takes the answers that come in time, also those to earlier
    /// questions.
    pub fn ask(&mut self, addrs: impl Iterator<Item = IpAddr>) {
        let mut questions = Vec::new();
        for addr in addrs {
            self.names.entry(addr).or_insert_with(|| {
                questions.push(addr);
                None
            });
        }
        self.waiting += questions.len();
        self.start(questions);
        let end = Instant::now() + PATIENCE;
        while self.waiting > 0 {
            let left = end.saturating_duration_since(Instant::now());
            let Ok((addr, name)) = self.answers.recv_timeout(left) else { return };
            self.waiting -= 1;
            self.names.insert(addr, name);
        }
    }

    /// The name, if it has one that is known by now.
    pub fn name(&self, addr: IpAddr) -> Option<&str> {
        self.names.get(&addr)?.as_deref()
    }

    /// The threads are not waited for: one that asks a dead server ends with the process.
    fn start(&self, questions: Vec<IpAddr>) {
        let workers = questions.len().min(AT_ONCE);
        let questions = Arc::new(Mutex::new(questions));
        for _ in 0..workers {
            let (questions, answer) = (Arc::clone(&questions), self.answer.clone());
            let work = move || {
                while let Some(addr) = next(&questions)
                    && answer.send((addr, lookup(addr))).is_ok()
                {}
            };
            // Without a thread the others take its questions; without any the addresses stay numbers.
            let _ = thread::Builder::new().name("resolve".to_owned()).spawn(work);
        }
    }
}

fn next(questions: &Mutex<Vec<IpAddr>>) -> Option<IpAddr> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// By the host's own ways: /etc/hosts, DNS, whatever nsswitch.conf(5) names.
fn lookup(addr: IpAddr) -> Option<String> {
    let name = dns_lookup::lookup_addr(&addr).ok()?;
    Some(name).filter(|name| is_harmless(name) && name.parse::<IpAddr>().is_err())
}
