//! The parsers of filters that only Linux has: on other systems each returns an error.

/// `--user`.
pub(crate) mod user {
    /// Always fails: the error says what to use instead.
    pub(crate) fn parse(_: &str) -> Result<u32, String> {
        Err("this system's table doesn't tell users: leave --user out, and filter by --comm or --pid"
            .to_owned())
    }
}

/// `--netns`.
pub(crate) mod netns {
    /// Always fails: the error says what to use instead.
    pub(crate) fn parse(_: &str) -> Result<u32, String> {
        Err("only Linux has network namespaces: leave --netns out".to_owned())
    }
}

/// `--cgroup`.
pub(crate) mod cgroup {
    /// Always fails: the error says what to use instead.
    pub(crate) fn parse(_: &std::ffi::OsStr) -> Result<Vec<u8>, String> {
        Err("only Linux has cgroups: leave --cgroup out".to_owned())
    }
}
