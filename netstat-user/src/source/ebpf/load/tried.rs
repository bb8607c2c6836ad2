//! What became of each probe that was tried: the start and `doctor` tell the same.

use anyhow::{Result, anyhow};

/// An attached probe: its name and kind, as `start.hooks` has them.
pub type Hook = (&'static str, &'static str);

/// A probe that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its name: the kernel function's, tracepoint's or iterator's.
    pub name: &'static str,
    /// `tp_btf`, `fentry`, `fexit`, `tracepoint` or `iter`; `map` for the ring buffer.
    pub kind: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is at work.
    Attached,
    /// The kernel takes it. It is not attached: it works when it is asked, or others that it needs don't load.
    Loads,
    /// The kernel's reason, in one line.
    Refused(String),
}

/// Everything that was tried, in order.
#[derive(Debug, Default)]
pub struct Attempts(Vec<Tried>);

impl Attempts {
    /// Notes what the kernel says to a program or map, and hands it on with its name before it.
    ///
    /// # Errors
    /// The refusal.
    pub fn note(&mut self, name: &'static str, kind: &'static str, said: Result<()>) -> Result<()> {
        let outcome = match &said {
            Ok(()) => Outcome::Loads,
            Err(error) => Outcome::Refused(format!("{error:#}")),
        };
        self.0.push(Tried { name, kind, outcome });
        said.map_err(|error| anyhow!("{kind}/{name}: {error:#}"))
    }

    /// The last `count` probes are at work.
    pub fn attached(&mut self, count: usize) {
        let first = self.0.len().saturating_sub(count);
        for tried in &mut self.0[first..] {
            tried.outcome = Outcome::Attached;
        }
    }

    /// Forgets all, before everything is tried in another way.
    pub fn start_anew(&mut self) {
        self.0.clear();
    }

    /// The probes that are at work.
    pub fn hooks(&self) -> Vec<Hook> {
        let attached = self.0.iter().filter(|tried| tried.outcome == Outcome::Attached);
        attached.map(|tried| (tried.name, tried.kind)).collect()
    }

    /// All, in the order in which they were tried.
    pub fn all(&self) -> &[Tried] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_attached_is_a_hook() {
        let mut attempts = Attempts::default();
        let refusal = attempts.note("one", "fentry", Err(anyhow!("no"))).unwrap_err();
        assert_eq!(refusal.to_string(), "fentry/one: no");
        attempts.note("two", "fentry", Ok(())).unwrap();
        attempts.note("three", "tp_btf", Ok(())).unwrap();
        attempts.attached(1);
        assert_eq!(attempts.hooks(), [("three", "tp_btf")]);
        assert_eq!(attempts.all()[0].outcome, Outcome::Refused("no".to_owned()));
        assert_eq!(attempts.all()[1].outcome, Outcome::Loads);
    }
}
