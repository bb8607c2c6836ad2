//! Filters on a connection's two ends: `local`, `remote`, and either of them.

/// Whether a filter lets something through; the order is that of certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No, and nothing that is learned later changes it.
    Never,
    /// What the filter asks about isn't known yet.
    NotYetKnown,
    /// Yes.
    Yes,
}

impl Verdict {
    /// Both have to say yes.
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One that says yes is enough.
    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::Never }
    }
}

/// The alternatives that one option lists; none at all means that the option wasn't given.
pub(super) trait Alternatives {
    /// What the option is about.
    type Value: Copy;

    /// Whether the option wasn't given.
    fn is_empty(&self) -> bool;

    /// Whether one of the alternatives has the value in it.
    fn contains(&self, value: Self::Value) -> bool;

    /// What the option says of a value, which may not be known.
    fn judge(&self, value: Option<Self::Value>) -> Verdict {
        match value {
            _ if self.is_empty() => Verdict::Yes,
            Some(value) => self.contains(value).into(),
            None => Verdict::NotYetKnown,
        }
    }
}

/// Three options about the same thing: this end's, the other's, either's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByEndpoint<A> {
    /// What this end has to be.
    pub local: A,
    /// What the other end has to be.
    pub remote: A,
    /// What one of the ends has to be.
    pub either: A,
}

impl<A> ByEndpoint<A> {
    /// The values that were given for this end, for the other, and for either.
    pub fn new<V>(local: Vec<V>, remote: Vec<V>, either: Vec<V>) -> Self
    where
        A: FromIterator<V>,
    {
        let all = |values: Vec<V>| values.into_iter().collect();
        Self { local: all(local), remote: all(remote), either: all(either) }
    }
}

#[expect(private_bounds, reason = "only the alternatives of this module's filters are meant")]
impl<A: Alternatives> ByEndpoint<A> {
    /// What the three options say together; None is not known.
    pub(super) fn judge(&self, local: Option<A::Value>, remote: Option<A::Value>) -> Verdict {
        let either = self.either.judge(local).or(self.either.judge(remote));
        self.local.judge(local).and(self.remote.judge(remote)).and(either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OneOf(&'static [u16]);

    impl Alternatives for OneOf {
        type Value = u16;
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
        fn contains(&self, value: u16) -> bool {
            self.0.contains(&value)
        }
    }

    fn judge(groups: [&'static [u16]; 3], local: Option<u16>, remote: Option<u16>) -> Verdict {
        let [local_group, remote_group, either] = groups.map(OneOf);
        ByEndpoint { local: local_group, remote: remote_group, either }.judge(local, remote)
    }

    #[test]
    fn options_that_were_not_given_let_everything_through() {
        assert_eq!(judge([&[], &[], &[]], None, None), Verdict::Yes);
    }

    #[test]
    fn every_option_that_was_given_has_to_match() {
        assert_eq!(judge([&[1], &[2], &[2, 3]], Some(1), Some(2)), Verdict::Yes);
        assert_eq!(judge([&[1], &[2], &[3]], Some(1), Some(2)), Verdict::Never);
        assert_eq!(judge([&[1], &[9], &[]], Some(1), Some(2)), Verdict::Never);
    }

    #[test]
    fn either_end_is_enough_for_the_option_that_means_both() {
        assert_eq!(judge([&[], &[], &[7]], Some(7), Some(1)), Verdict::Yes);
        assert_eq!(judge([&[], &[], &[7]], Some(1), Some(7)), Verdict::Yes);
        assert_eq!(judge([&[], &[], &[7]], None, Some(7)), Verdict::Yes);
    }

    #[test]
    fn never_is_said_only_when_nothing_learned_later_could_change_it() {
        assert_eq!(judge([&[], &[], &[7]], None, Some(1)), Verdict::NotYetKnown);
        assert_eq!(judge([&[7], &[], &[]], None, Some(1)), Verdict::NotYetKnown);
        assert_eq!(judge([&[7], &[2], &[]], None, Some(1)), Verdict::Never);
    }
}
