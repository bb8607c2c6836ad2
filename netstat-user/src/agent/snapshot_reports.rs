//! Notes for the user about snapshots that fail or are incomplete. Each fact is reported when it begins, when it
//! changes and when it ends, not with each attempt.

use std::fmt::Write as _;

use crate::model::{Poll, Snapshot, SnapshotError, SnapshotKind, UnreadNetns};

/// The most network namespaces that one note names.
const MAX_NAMED: usize = 3;

/// Remembers what has been reported.
#[derive(Debug, Default)]
pub(super) struct SnapshotReports {
    /// Why full snapshots, and snapshots of the owners, fail now.
    failing_full: Option<String>,
    failing_owners: Option<String>,
    /// The network namespaces that the last full snapshot lacked.
    unread: Vec<UnreadNetns>,
    /// Whether there was a full snapshot.
    has_full: bool,
}

impl SnapshotReports {
    /// A snapshot failed. Returns the note for the user, if there is something new.
    pub(super) fn failed(&mut self, error: &SnapshotError) -> Option<String> {
        let SnapshotError { kind, at: _, why, may_recover } = error;
        let (failing, what) = match kind {
            SnapshotKind::Full => (&mut self.failing_full, "sockets"),
            SnapshotKind::Owners => (&mut self.failing_owners, "sockets' owners"),
        };
        if failing.replace(why.clone()).as_ref() == Some(why) {
            return None;
        }
        let next = if *may_recover { "trying again" } else { "there will be none" };
        Some(format!("no snapshot of the {what}: {why}; {next}"))
    }

    /// A snapshot was taken. Returns the note for the user, if snapshots of its kind failed before.
    pub(super) fn succeeded(&mut self, kind: SnapshotKind) -> Option<&'static str> {
        let owners_failed = self.failing_owners.take().is_some();
        let failed = match kind {
            SnapshotKind::Full => {
                self.has_full = true;
                self.failing_full.take().is_some() || owners_failed
            }
            SnapshotKind::Owners => owners_failed,
        };
        failed.then_some("snapshots work again")
    }

    /// Whether a full snapshot was taken.
    pub(super) fn has_full(&self) -> bool {
        self.has_full
    }

    /// Returns a note for the user if the network namespaces that full snapshots lack have changed.
    pub(super) fn changed_unread(&mut self, snapshot: &Snapshot) -> Option<String> {
        match snapshot.kind {
            SnapshotKind::Full => self.note_unread("snapshots", &snapshot.netns_unread),
            SnapshotKind::Owners => None,
        }
    }

    /// Returns a note for the user if the network namespaces that polls lack have changed.
    pub(super) fn changed_unread_in_poll(&mut self, poll: &Poll) -> Option<String> {
        self.note_unread("polls", &poll.unread_why)
    }

    fn note_unread(&mut self, what: &str, unread: &[UnreadNetns]) -> Option<String> {
        if self.unread == unread {
            return None;
        }
        self.unread = unread.to_vec();
        if unread.is_empty() {
            return Some(format!("{what} cover all network namespaces again"));
        }
        let mut note = format!("{what} lack the connections of");
        for (index, UnreadNetns { netns, why }) in unread.iter().take(MAX_NAMED).enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let _infallible = write!(note, "{separator} network namespace {netns}, which {why}");
        }
        if unread.len() > MAX_NAMED {
            let _infallible = write!(note, ", and {} more", unread.len() - MAX_NAMED);
        }
        Some(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;

    fn error(kind: SnapshotKind, why: &str) -> SnapshotError {
        SnapshotError { kind, at: Moment::default(), why: why.to_owned(), may_recover: true }
    }

    fn full_without(netns: &[u32]) -> Snapshot {
        let unread = |netns: &u32| UnreadNetns { netns: *netns, why: "can't be entered: no".to_owned() };
        let netns_unread = netns.iter().map(unread).collect();
        Snapshot { kind: SnapshotKind::Full, netns_unread, ..Snapshot::default() }
    }

    #[test]
    fn a_failure_is_reported_when_it_begins_when_its_reason_changes_and_when_it_ends() {
        let mut reports = SnapshotReports::default();
        let (full, owners) = (SnapshotKind::Full, SnapshotKind::Owners);
        assert_eq!(
            reports.failed(&error(full, "no file is left")).unwrap(),
            "no snapshot of the sockets: no file is left; trying again"
        );
        assert_eq!(reports.failed(&error(full, "no file is left")), None);
        assert!(reports.failed(&error(full, "no memory is left")).unwrap().contains("no memory is left"));
        assert!(reports.failed(&error(owners, "no memory is left")).unwrap().contains("owners"));
        assert_eq!(reports.failed(&error(owners, "no memory is left")), None);
        assert!(!reports.has_full());
        assert_eq!(reports.succeeded(full), Some("snapshots work again"));
        assert_eq!(reports.succeeded(owners), None);
        assert!(reports.has_full());
    }

    #[test]
    fn a_snapshot_of_the_owners_proves_nothing_about_full_ones() {
        let mut reports = SnapshotReports::default();
        reports.failed(&error(SnapshotKind::Full, "no file is left"));
        assert_eq!(reports.succeeded(SnapshotKind::Owners), None);
        assert_eq!(reports.failed(&error(SnapshotKind::Full, "no file is left")), None);
        assert!(!reports.has_full());
    }

    #[test]
    fn the_end_of_the_snapshots_is_no_promise_of_another_attempt() {
        let mut reports = SnapshotReports::default();
        let ended = SnapshotError { may_recover: false, ..error(SnapshotKind::Full, "the thread has ended") };
        let note = reports.failed(&ended).unwrap();
        assert_eq!(note, "no snapshot of the sockets: the thread has ended; there will be none");
    }

    #[test]
    fn a_namespace_that_is_not_read_is_reported_once_until_that_changes() {
        let mut reports = SnapshotReports::default();
        assert_eq!(
            reports.changed_unread(&full_without(&[7])).unwrap(),
            "snapshots lack the connections of network namespace 7, which can't be entered: no"
        );
        assert_eq!(reports.changed_unread(&full_without(&[7])), None);
        assert_eq!(
            reports.changed_unread(&Snapshot::default()),
            None,
            "a snapshot of the owners has no sockets"
        );
        let note = reports.changed_unread(&full_without(&[7, 8, 9, 10, 11])).unwrap();
        assert!(note.ends_with("network namespace 9, which can't be entered: no, and 2 more"), "{note}");
        let note = reports.changed_unread(&full_without(&[])).unwrap();
        assert_eq!(note, "snapshots cover all network namespaces again");
        let unread_why = full_without(&[7]).netns_unread;
        let note = reports.changed_unread_in_poll(&Poll { unread_why, ..Poll::default() }).unwrap();
        assert!(note.starts_with("polls lack the connections of network namespace 7"), "{note}");
    }
}
