//! `--cgroup`: the socket's cgroup, descendants included.

/// Paths in the cgroup2 hierarchy, with a leading slash and no trailing one; `/` is the root cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupSet(Vec<Vec<u8>>);

impl FromIterator<Vec<u8>> for CgroupSet {
    fn from_iter<I: IntoIterator<Item = Vec<u8>>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

impl CgroupSet {
    /// Whether the path is that of a listed cgroup or of its descendant; an unknown path matches only if none is listed.
    pub(super) fn matches(&self, path: Option<&[u8]>) -> bool {
        self.0.is_empty() || path.is_some_and(|path| self.0.iter().any(|top| is_at_or_below(path, top)))
    }
}

fn is_at_or_below(path: &[u8], top: &[u8]) -> bool {
    match path.strip_prefix(top) {
        Some(rest) => top == b"/" || rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_matches_itself_and_its_descendants() {
        for (tops, path, expected) in [
            (&["/system.slice"][..], "/system.slice", true),
            (&["/system.slice"], "/system.slice/nginx.service", true),
            (&["/system.slice"], "/system.slice/a/b", true),
            (&["/system.slice"], "/system.slice2", false),
            (&["/system.slice/nginx.service"], "/system.slice", false),
            (&["/user.slice", "/system.slice"], "/system.slice/nginx.service", true),
            (&["/user.slice"], "/", false),
            (&["/"], "/", true),
            (&["/"], "/user.slice", true),
        ] {
            let set: CgroupSet = tops.iter().map(|top| top.as_bytes().to_vec()).collect();
            assert_eq!(set.matches(Some(path.as_bytes())), expected, "{tops:?} {path}");
        }
    }

    #[test]
    fn an_unknown_cgroup_matches_only_without_the_option() {
        assert!(CgroupSet::default().matches(None));
        assert!(!CgroupSet(vec![b"/".to_vec()]).matches(None));
    }
}
