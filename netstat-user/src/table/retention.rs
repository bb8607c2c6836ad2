//! What the table keeps: decided when it is built, not row by row.

use std::fmt;

use crate::model::{Endpoint, Family};

/// Which connections the table keeps.
pub enum Retention {
    /// All.
    All,
    /// Those that this function accepts by family, network namespace, local and remote endpoint: a fixed filter can
    /// match one of their rows. An unknown endpoint is None or has port 0; a connection must be accepted while it can
    /// still match.
    Only(Box<dyn Fn(Family, Option<u32>, Endpoint, Option<Endpoint>) -> bool>),
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
