//! The outcome of each attempt to load and attach a program or map: a start and `doctor` share them.

use anyhow::{Result, anyhow};

use crate::model::Text;

/// One program or map that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its name, as [`super::hooks::Hook::name`] gives it; the map's name for the ring buffer.
    pub name: &'static str,
    /// Its kind, as [`super::hooks::Kind::name`] gives it; `map` for the ring buffer.
    pub kind: &'static str,
    /// What the kernel answered.
    pub outcome: Outcome,
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program is attached.
    Attached,
    /// The kernel accepts it, but it is not attached: it is an iterator, a map or run on request, or a program of the same set is
    /// refused.
    Loads,
    /// The kernel refuses it: the reason, in one line.
    Refused(String),
}

/// All attempts, in order.
#[derive(Debug, Default)]
pub struct Attempts(Vec<Attempt>);

impl Attempts {
    /// Records the kernel's answer for a program or map.
    ///
    /// # Errors
    /// The refusal in `answer`, with the kind and name before it.
    pub fn record(&mut self, name: &'static str, kind: &'static str, answer: Result<()>) -> Result<()> {
        let outcome = match &answer {
            Ok(()) => Outcome::Loads,
            Err(error) => Outcome::Refused(format!("{error:#}")),
        };
        self.0.push(Attempt { name, kind, outcome });
        answer.map_err(|error| anyhow!("{kind}/{name}: {error:#}"))
    }

    /// Marks the last `count` attempts as attached.
    pub fn mark_attached(&mut self, count: usize) {
        let first = self.0.len().saturating_sub(count);
        for attempt in &mut self.0[first..] {
            attempt.outcome = Outcome::Attached;
        }
    }

    /// Removes all attempts, before other hooks are tried.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Name and kind of each attached program, as `start.hooks` has them.
    pub fn attached(&self) -> Vec<(Text, Text)> {
        let attached = self.0.iter().filter(|attempt| attempt.outcome == Outcome::Attached);
        attached.map(|attempt| (attempt.name.into(), attempt.kind.into())).collect()
    }

    /// All attempts, in order.
    pub fn all(&self) -> &[Attempt] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_attached_programs_are_listed_as_hooks() {
        let mut attempts = Attempts::default();
        let refusal = attempts.record("one", "fentry", Err(anyhow!("no"))).unwrap_err();
        assert_eq!(refusal.to_string(), "fentry/one: no");
        attempts.record("two", "fentry", Ok(())).unwrap();
        attempts.record("three", "tp_btf", Ok(())).unwrap();
        attempts.mark_attached(1);
        assert_eq!(attempts.attached(), [("three".into(), "tp_btf".into())]);
        assert_eq!(attempts.all()[0].outcome, Outcome::Refused("no".to_owned()));
        assert_eq!(attempts.all()[1].outcome, Outcome::Loads);
    }
}
