//! What the table keeps: decided when it is built, not row by row.

use std::fmt;

use crate::model::{Endpoint, Family};

/// Whether a fixed filter can match a row of a connection with this family, network namespace, local and remote endpoint.
/// An unknown endpoint is None or has port 0; a connection must be accepted while it can still match.
type Accepts = dyn Fn(Family, Option<u32>, Endpoint, Option<Endpoint>) -> bool;

/// Which connections the table keeps.
pub enum Retention {
    /// All.
    All,
    /// Those that this function accepts.
    Only(Box<Accepts>),
}

impl Retention {
    pub(super) fn keeps(
        &self,
        family: Family,
        netns: Option<u32>,
        local: Endpoint,
        remote: Option<Endpoint>,
    ) -> bool {
        match self {
            Self::All => true,
            Self::Only(accepts) => accepts(family, netns, local, remote),
        }
    }
}

impl fmt::Debug for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "All",
            Self::Only(_) => "Only(..)",
        })
    }
}
