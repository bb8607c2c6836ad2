//! The values that one option lists, and whether a value that may be unknown matches them.

/// Whether a filter matches, in three-valued logic; the order makes `and` the minimum and `or` the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It does not, whatever is learned later.
    No,
    /// The value that the filter is about is not known yet.
    Unknown,
    /// It does.
    Yes,
}

impl Match {
    /// Matches if both match.
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Matches if one matches.
    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<bool> for Match {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// The values that one option lists; without values, the option was not given and everything matches.
pub(super) trait ValueSet {
    /// What the option is about.
    type Value: Copy;

    /// Whether the option was not given.
    fn is_empty(&self) -> bool;

    /// Whether the value is one of the listed.
    fn contains(&self, value: Self::Value) -> bool;

    /// Whether a value matches; None is an unknown value.
    fn matches(&self, value: Option<Self::Value>) -> Match {
        match value {
            _ if self.is_empty() => Match::Yes,
            Some(value) => self.contains(value).into(),
            None => Match::Unknown,
        }
    }
}

/// Plain values: process ids, user ids, namespaces' inode numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<T>(Vec<T>);

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for Values<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Copy + PartialEq> Values<T> {
    /// Whether the option was not given, or lists the value.
    pub fn allow(&self, value: T) -> bool {
        self.0.is_empty() || self.0.contains(&value)
    }
}

impl<T: Copy + PartialEq> ValueSet for Values<T> {
    type Value = T;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, value: T) -> bool {
        self.0.contains(&value)
    }
}
