//! What a poll of a polling source means for the trace.

use std::mem;

use super::{Trace, lost_snapshot};
use crate::model::{Event, Poll, SnapshotError, SnapshotKind};

impl Trace {
    /// Applies a poll. Its rows have one time, so none has to wait for an older one. Those of the first poll go out as fast
    /// as the outputs take them.
    pub(super) fn polled(&mut self, event: &Event, poll: &Poll) {
        let Self { table, outlet, has_polled, .. } = self;
        let is_first = !mem::replace(has_polled, true);
        if is_first {
            outlet.wait_for_initial_rows();
            outlet.expect_initial_rows(poll.sockets.len());
        }
        table.apply(event, &mut |row| outlet.row(row));
        if is_first {
            outlet.complete_initial_rows();
        }
        self.owners_polled(poll);
        self.namespaces_polled(poll);
    }

    /// Reports whether the scan for the owners of polled sockets failed, or that polls work again.
    fn owners_polled(&mut self, poll: &Poll) {
        match &poll.owners_error {
            Some(why) => self.snapshot_failed(&SnapshotError {
                kind: SnapshotKind::Owners,
                at: poll.at,
                why: why.clone(),
                may_recover: !poll.is_cut,
            }),
            None => {
                if let Some(line) = self.reports.succeeded(SnapshotKind::Full) {
                    self.outlet.say(line.to_owned());
                }
            }
        }
    }

    /// Reports the network namespaces that polls can't read, when they change.
    fn namespaces_polled(&mut self, poll: &Poll) {
        if let Some(line) = self.reports.changed_unread_in_poll(poll) {
            if !poll.unread_why.is_empty() {
                self.outlet.lost(&lost_snapshot(poll.at));
            }
            self.outlet.say(line);
        }
    }
}
