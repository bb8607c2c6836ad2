//! `-4` and `-6`: one address family.

use super::values::ValueSet;
use crate::model::Family;

/// The family that a connection has to have; None if both match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FamilyFilter(pub Option<Family>);

impl ValueSet for FamilyFilter {
    type Value = Family;

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn contains(&self, family: Family) -> bool {
        self.0 == Some(family)
    }
}

impl FamilyFilter {
    /// Whether a connection of the family can match.
    pub(super) fn allows(self, family: Family) -> bool {
        self.is_empty() || self.contains(family)
    }

    /// The option as a user writes it; None if it was not given.
    pub(super) fn option_text(self) -> Option<String> {
        self.0.map(|family| match family {
            Family::Ipv4 => "-4".to_owned(),
            Family::Ipv6 => "-6".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_excludes_the_other() {
        for (wanted, ipv4, ipv6) in
            [(None, true, true), (Some(Family::Ipv4), true, false), (Some(Family::Ipv6), false, true)]
        {
            let filter = FamilyFilter(wanted);
            assert_eq!((filter.allows(Family::Ipv4), filter.allows(Family::Ipv6)), (ipv4, ipv6));
        }
    }
}
