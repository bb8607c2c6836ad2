//! Filters for what only Linux tells: elsewhere each is one clear error.

/// `--user`.
pub(crate) mod user {
    /// Refuses it.
    pub(crate) fn parse(_: &str) -> Result<u32, String> {
        Err("this system's table doesn't tell users: leave --user out, and filter by --comm or --pid"
            .to_owned())
    }
}

/// `--netns`.
pub(crate) mod netns {
    /// Refuses it.
    pub(crate) fn parse(_: &str) -> Result<u32, String> {
        Err("only Linux has network namespaces: leave --netns out".to_owned())
    }
}

/// `--cgroup`.
pub(crate) mod cgroup {
    /// Refuses it.
    pub(crate) fn parse(_: &str) -> Result<String, String> {
        Err("only Linux has cgroups: leave --cgroup out".to_owned())
    }
}
