//! `--pid`, `--comm`, `--user`: the process that holds the socket.

use super::values::{Match, ValueSet, Values};
use crate::model::{Comm, Owner};

/// Length of the longest process name that the kernel keeps, bytes (TASK_COMM_LEN - 1, include/linux/sched.h).
const COMM_LENGTH: usize = 15;

/// What the owner has to be. An unknown owner matches only if none of the options was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerFilter {
    /// `--pid`.
    pub pids: Values<u32>,
    /// `--comm`.
    pub comms: CommSet,
    /// `--user`, as user ids.
    pub users: Values<u32>,
}

impl OwnerFilter {
    /// The values of the three options.
    pub fn new(pids: Vec<u32>, comms: Vec<Vec<u8>>, users: Vec<u32>) -> Self {
        Self {
            pids: pids.into_iter().collect(),
            comms: comms.into_iter().collect(),
            users: users.into_iter().collect(),
        }
    }
}

/// Process names of any length: the kernel keeps only the beginning of a longer one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommSet(Vec<Vec<u8>>);

/// A process that holds a socket, as a list of processes shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderFacts<'a> {
    /// Its process id.
    pub pid: u32,
    /// The name that the kernel keeps.
    pub comm: Comm,
    /// The name of its program, which the list shows; empty if it is not known.
    pub program: &'a [u8],
}

/// Parses a process id.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_pid(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|pid| *pid != 0)
        .ok_or_else(|| format!("{text:?} is no process id: say a number above 0, like 812"))
}

/// Parses a process name.
///
/// # Errors
/// One line: the name is empty.
pub fn parse_comm(name: Vec<u8>) -> Result<Vec<u8>, String> {
    if name.is_empty() {
        return Err("\"\" is no process name: say one as ps -o comm shows it, like nginx".to_owned());
    }
    Ok(name)
}

impl FromIterator<Vec<u8>> for CommSet {
    fn from_iter<I: IntoIterator<Item = Vec<u8>>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl CommSet {
    /// Whether a program's name, which is not truncated, is one of the listed.
    fn contains_program(&self, program: &[u8]) -> bool {
        self.0.iter().any(|name| name == program)
    }
}

impl ValueSet for CommSet {
    type Value = Comm;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, comm: Comm) -> bool {
        self.0.iter().any(|name| &name[..name.len().min(COMM_LENGTH)] == comm.as_bytes())
    }
}

impl OwnerFilter {
    /// Whether the owner matches; `socket_uid` is the socket's user, for sources that know it without the process.
    pub(super) fn matches(&self, owner: Option<Owner>, socket_uid: Option<u32>) -> Match {
        let Self { pids, comms, users } = self;
        pids.matches(owner.map(|owner| owner.pid))
            .and(comms.matches(owner.map(|owner| owner.comm).filter(|comm| comm.known().is_some())))
            .and(users.matches(owner.and_then(|owner| owner.uid).or(socket_uid)))
    }

    /// Whether one of the options is about the process, not only about its user.
    pub fn needs_process(&self) -> bool {
        !self.pids.is_empty() || !self.comms.is_empty()
    }

    /// The same filter without the options that are about the process.
    pub fn of_any_process(&self) -> Self {
        Self { users: self.users.clone(), ..Self::default() }
    }

    /// Whether one of the processes that hold a socket matches, and the socket's user does. A process has two names, that
    /// of its program and the one that the kernel keeps: one of them has to match.
    pub(super) fn matches_holders(&self, holders: &[HolderFacts<'_>], uid: Option<u32>) -> bool {
        let Self { pids, comms, users } = self;
        let matches_holder = |holder: &HolderFacts<'_>| {
            pids.matches(Some(holder.pid)) == Match::Yes
                && (comms.matches(Some(holder.comm)) == Match::Yes || comms.contains_program(holder.program))
        };
        let process = !self.needs_process() || holders.iter().any(matches_holder);
        process && users.matches(uid) == Match::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OwnerHow;

    /// A name, followed by what a longer earlier name left in the buffer.
    fn comm(name: &[u8]) -> Comm {
        let mut bytes = *b"a longer name..\0";
        bytes[..name.len()].copy_from_slice(name);
        bytes[name.len()] = 0;
        Comm::new(bytes)
    }

    fn comms(names: &[&str]) -> CommSet {
        names.iter().map(|name| parse_comm(name.as_bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn pids_and_names_are_parsed() {
        assert_eq!(parse_pid("812"), Ok(812));
        assert_eq!(parse_comm(b"kworker/0:1-ev".to_vec()), Ok(b"kworker/0:1-ev".to_vec()));
        for text in ["0", "-1", "nginx", "", "4294967296", "8 12"] {
            let error = parse_pid(text).unwrap_err();
            assert!(error.starts_with(&format!("{text:?} is no process id")), "{error}");
        }
        assert!(parse_comm(Vec::new()).unwrap_err().contains("is no process name"));
    }

    #[test]
    fn a_name_has_to_be_equal() {
        for (names, expected) in [
            (&["nginx"][..], true),
            (&["apache2", "nginx"], true),
            (&["Nginx"], false),
            (&["ngin"], false),
            (&["nginx2"], false),
            (&["ngin*"], false),
        ] {
            assert_eq!(comms(names).contains(comm(b"nginx")), expected, "{names:?}");
        }
    }

    #[test]
    fn a_name_that_the_kernel_truncates_matches_by_its_first_15_bytes() {
        assert!(comms(&["systemd-resolved"]).contains(comm(b"systemd-resolve")));
        assert!(!comms(&["systemd-resolved"]).contains(comm(b"systemd-resolv")));
        let in_mid_character = "aa웹서버웹서";
        assert!(comms(&[in_mid_character]).contains(comm(&in_mid_character.as_bytes()[..15])));
    }

    #[test]
    fn an_empty_name_is_an_unknown_name() {
        let filter = OwnerFilter { comms: comms(&["nginx"]), ..OwnerFilter::default() };
        let nameless =
            Owner { pid: 812, comm: comm(b""), uid: Some(33), started_ns: None, how: OwnerHow::Accept };
        assert_eq!(filter.matches(Some(nameless), None), Match::Unknown);
    }

    #[test]
    fn a_holder_matches_by_either_of_its_names() {
        let holder =
            HolderFacts { pid: 812, comm: comm(b"worker"), program: b"/opt/my server 3.12/python3.12" };
        for (names, expected) in [
            (&["worker"][..], true),
            (&["/opt/my server 3.12/python3.12"], true),
            (&["/opt/my server"], false),
            (&["python3.12"], false),
            (&["nginx", "worker"], true),
        ] {
            let filter = OwnerFilter { comms: comms(names), ..OwnerFilter::default() };
            assert_eq!(filter.matches_holders(&[holder], None), expected, "{names:?}");
            let other_pid = OwnerFilter { pids: [1].into_iter().collect(), ..filter };
            assert!(!other_pid.matches_holders(&[holder], None), "{names:?}");
        }
    }

    #[test]
    fn each_given_option_has_to_match() {
        let nginx =
            Owner { pid: 812, comm: comm(b"nginx"), uid: Some(33), started_ns: None, how: OwnerHow::Accept };
        for (pids, names, users, expected) in [
            (&[][..], &[][..], &[][..], true),
            (&[812], &[], &[], true),
            (&[1, 812], &[], &[], true),
            (&[1], &[], &[], false),
            (&[], &[], &[33], true),
            (&[], &[], &[0], false),
            (&[812], &["nginx"], &[0, 33], true),
            (&[812], &["curl"], &[33], false),
        ] {
            let filter = OwnerFilter {
                pids: pids.iter().copied().collect(),
                comms: comms(names),
                users: users.iter().copied().collect(),
            };
            assert_eq!(filter.matches(Some(nginx), None) == Match::Yes, expected, "{filter:?}");
        }
    }

    #[test]
    fn an_unknown_owner_matches_only_without_options() {
        assert_eq!(OwnerFilter::default().matches(None, None), Match::Yes);
        let root = OwnerFilter { users: [0].into_iter().collect(), ..OwnerFilter::default() };
        assert_eq!(root.matches(None, None), Match::Unknown);
        assert_eq!(root.matches(None, Some(0)), Match::Yes);
    }
}
