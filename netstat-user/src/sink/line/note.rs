//! What stands at the end of a line: why the connection ended, and what it has carried.

use std::fmt::Write;

use crate::{
    model::{CloseReason, Metrics, Protocol, Row, RowKind},
    sink::duration::HumanDuration,
};

/// Appends the note; most rows have none.
pub(super) fn push_note(row: &Row, text: &mut String) {
    let mut part = |words: &str| {
        if !text.is_empty() {
            text.push_str(" · ");
        }
        text.push_str(words);
    };
    match row.kind {
        RowKind::Transition => {}
        RowKind::Existing => part("was there at the start"),
        RowKind::Repaired => part("not seen, inferred"),
    }
    match row.protocol {
        Protocol::Tcp => {}
        Protocol::Mptcp => part("mptcp"),
    }
    if let Some(reason) = row.close_reason {
        part(reason_words(reason));
    }
    if let Some(metrics) = &row.metrics {
        part(&metrics_words(metrics));
    }
}

fn reason_words(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::FinLocal => "closed here first",
        CloseReason::FinRemote => "closed by peer first",
        CloseReason::FinBoth => "closed by both at once",
        CloseReason::ResetReceived => "reset by peer",
        CloseReason::ResetSent => "reset from here",
        CloseReason::Refused => "refused",
        CloseReason::Timeout => "timed out",
        CloseReason::Unreachable => "unreachable",
        CloseReason::Aborted => "aborted",
        CloseReason::Expired => "expired",
        CloseReason::Unknown => "reason unknown",
    }
}

fn metrics_words(metrics: &Metrics) -> String {
    let Metrics { bytes_sent, bytes_received, rtt_us, retransmits } = *metrics;
    let mut words = format!("{} out, {} in", human_bytes(bytes_sent), human_bytes(bytes_received));
    // A String takes all that is written.
    if let Some(rtt_us) = rtt_us {
        let _ = write!(words, ", rtt {}", HumanDuration(u64::from(rtt_us) * 1_000));
    }
    if retransmits > 0 {
        let _ = write!(words, ", {retransmits} sent again");
    }
    words
}

/// Bytes in the unit that a person would choose, powers of 1000; cut, never rounded up.
fn human_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (1_000_000_000_000_000, "PB"),
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} B");
    };
    let whole = bytes / unit;
    if whole < 10 {
        format!("{whole}.{} {name}", bytes % unit / (unit / 10))
    } else {
        format!("{whole} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::sample;

    fn note(row: &Row) -> String {
        let mut text = String::new();
        push_note(row, &mut text);
        text
    }

    #[test]
    fn an_ordinary_row_has_no_note() {
        assert_eq!(note(&sample::bare()), "");
    }

    #[test]
    fn an_end_says_why_and_how_much() {
        assert_eq!(
            note(&sample::full()),
            "closed here first · 1.2 kB out, 48 kB in, rtt 21.0 ms, 3 sent again"
        );
    }

    #[test]
    fn what_is_unusual_about_a_row_comes_first() {
        let row = Row { kind: RowKind::Repaired, protocol: Protocol::Mptcp, ..sample::bare() };
        assert_eq!(note(&row), "not seen, inferred · mptcp");
        let row = Row { kind: RowKind::Existing, old_state: None, ..sample::bare() };
        assert_eq!(note(&row), "was there at the start");
    }

    #[test]
    fn bytes_have_the_unit_that_a_person_would_choose() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (48_123, "48 kB"),
            (999_999, "999 kB"),
            (1_500_000, "1.5 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
