//! `-4` and `-6`: one address family.

use super::endpoint::Alternatives;
use crate::model::Family;

/// The family that a connection's packets have to have; None if both will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FamilyFilter(pub Option<Family>);

impl Alternatives for FamilyFilter {
    type Value = Family;

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn contains(&self, family: Family) -> bool {
        self.0 == Some(family)
    }
}

impl FamilyFilter {
    /// Whether a connection of the family could match.
    pub(super) fn allows(self, family: Family) -> bool {
        self.is_empty() || self.contains(family)
    }

    /// The option, as the user gave it.
    pub(super) fn as_option(self) -> Option<String> {
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
    fn one_family_leaves_out_the_other() {
        for (wanted, ipv4, ipv6) in
            [(None, true, true), (Some(Family::Ipv4), true, false), (Some(Family::Ipv6), false, true)]
        {
            let filter = FamilyFilter(wanted);
            assert_eq!((filter.allows(Family::Ipv4), filter.allows(Family::Ipv6)), (ipv4, ipv6));
        }
    }
}
