//! Filters on a connection's endpoints: the local one, the remote one, and either of them.

use super::values::{Match, ValueSet};

/// Three options about the same kind of value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByEndpoint<S> {
    /// The values for the local endpoint.
    pub local: S,
    /// The values for the remote endpoint.
    pub remote: S,
    /// The values for either endpoint.
    pub either: S,
}

impl<S> ByEndpoint<S> {
    /// The values that were given for the local endpoint, for the remote one, and for either.
    pub fn new<V>(local: Vec<V>, remote: Vec<V>, either: Vec<V>) -> Self
    where
        S: FromIterator<V>,
    {
        let set = |values: Vec<V>| values.into_iter().collect();
        Self { local: set(local), remote: set(remote), either: set(either) }
    }
}

#[expect(private_bounds, reason = "only the value sets of this module's filters are meant")]
impl<S: ValueSet> ByEndpoint<S> {
    /// Whether all three options match; None is an unknown value.
    pub(super) fn matches(&self, local: Option<S::Value>, remote: Option<S::Value>) -> Match {
        let either = self.either.matches(local).or(self.either.matches(remote));
        self.local.matches(local).and(self.remote.matches(remote)).and(either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OneOf(&'static [u16]);

    impl ValueSet for OneOf {
        type Value = u16;
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
        fn contains(&self, value: u16) -> bool {
            self.0.contains(&value)
        }
    }

    fn matches(options: [&'static [u16]; 3], local: Option<u16>, remote: Option<u16>) -> Match {
        let [local_option, remote_option, either] = options.map(OneOf);
        ByEndpoint { local: local_option, remote: remote_option, either }.matches(local, remote)
    }

    #[test]
    fn options_that_are_not_given_match_everything() {
        assert_eq!(matches([&[], &[], &[]], None, None), Match::Yes);
    }

    #[test]
    fn every_given_option_has_to_match() {
        assert_eq!(matches([&[1], &[2], &[2, 3]], Some(1), Some(2)), Match::Yes);
        assert_eq!(matches([&[1], &[2], &[3]], Some(1), Some(2)), Match::No);
        assert_eq!(matches([&[1], &[9], &[]], Some(1), Some(2)), Match::No);
    }

    #[test]
    fn the_option_for_either_endpoint_matches_by_one_of_them() {
        assert_eq!(matches([&[], &[], &[7]], Some(7), Some(1)), Match::Yes);
        assert_eq!(matches([&[], &[], &[7]], Some(1), Some(7)), Match::Yes);
        assert_eq!(matches([&[], &[], &[7]], None, Some(7)), Match::Yes);
    }

    #[test]
    fn an_unknown_value_is_a_mismatch_only_if_no_value_could_match() {
        assert_eq!(matches([&[], &[], &[7]], None, Some(1)), Match::Unknown);
        assert_eq!(matches([&[7], &[], &[]], None, Some(1)), Match::Unknown);
        assert_eq!(matches([&[7], &[2], &[]], None, Some(1)), Match::No);
    }
}
