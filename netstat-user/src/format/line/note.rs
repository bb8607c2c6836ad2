//! The last part of a line: why the connection ended, and its TCP statistics.

use std::fmt::Write;

use super::{colors, columns::Columns};
use crate::{
    format::time::HumanDuration,
    model::{CloseReason, Protocol, Row, RowKind, State, TcpStats},
};

/// Writes the note at the column, if the row has one.
pub(super) fn write(row: &Row, column: usize, line: &mut Columns<'_>) {
    let mut is_first = true;
    let mut part = |words: &str, style| {
        if is_first {
            line.go_to(column, 2);
        } else {
            line.styled(" · ", colors::FAINT);
        }
        is_first = false;
        line.styled(words, style);
    };
    match row.kind {
        RowKind::Transition | RowKind::Existing => {}
        RowKind::Repaired => part("(inferred)", colors::FAINT),
    }
    match row.protocol {
        Protocol::Tcp => {}
        Protocol::Mptcp => part("mptcp", colors::FAINT),
    }
    if let Some(reason) = row.close_reason {
        let words = reason_words(reason);
        match row.reset_cause {
            Some(cause) => part(&format!("{words} ({cause})"), colors::of_reason(reason)),
            None => part(words, colors::of_reason(reason)),
        }
    }
    if let Some(words) = row.syn_retransmits.and_then(|count| syn_words(row, count)) {
        part(&words, colors::FAINT);
    }
    if let Some(tcp_stats) = &row.tcp_stats {
        part(&tcp_stats_words(tcp_stats), colors::FAINT);
    }
}

fn reason_words(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::FinLocal => "closed here first",
        CloseReason::FinRemote => "closed by peer first",
        CloseReason::FinBoth => "closed by both",
        CloseReason::ResetReceived => "reset by peer",
        CloseReason::ResetSent => "reset sent",
        CloseReason::Refused => "refused",
        CloseReason::Timeout => "timed out",
        CloseReason::Unreachable => "unreachable",
        CloseReason::Aborted => "aborted",
        CloseReason::Expired => "expired",
        CloseReason::NoPort => "no local port left",
        CloseReason::Abandoned => "given up before an answer",
        CloseReason::Unknown => "reason unknown",
    }
}

/// How often the handshake's segment was sent without an answer; None where the first one was answered.
fn syn_words(row: &Row, retransmits: u32) -> Option<String> {
    let segment = if row.old_state == Some(State::SynRecv) { "SYN-ACK" } else { "SYN" };
    let unanswered = match row.close_reason {
        // The last one had no answer either.
        Some(CloseReason::Timeout | CloseReason::Abandoned) => retransmits.saturating_add(1),
        _ => retransmits,
    };
    match unanswered {
        0 => None,
        1 => Some(format!("1 {segment} unanswered")),
        count => Some(format!("{count} {segment}s unanswered")),
    }
}

fn tcp_stats_words(tcp_stats: &TcpStats) -> String {
    let TcpStats { bytes_sent, bytes_received, rtt_us, retransmits } = *tcp_stats;
    let mut words = bytes_sent.map_or_else(String::new, |sent| format!("{} out, ", human_bytes(sent)));
    words += &format!("{} in", human_bytes(bytes_received));
    // Writing to a String can't fail.
    if let Some(rtt_us) = rtt_us {
        let _ = write!(words, ", rtt {}", HumanDuration(u64::from(rtt_us) * 1_000));
    }
    if retransmits > 0 {
        let plural = if retransmits == 1 { "" } else { "s" };
        let _ = write!(words, ", {retransmits} retransmit{plural}");
    }
    words
}

/// A number of bytes in the largest unit that fits, powers of 1000; truncated, not rounded.
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
    use crate::format::sample;

    fn note(row: &Row) -> String {
        let mut out = Vec::new();
        write(row, 0, &mut Columns::new(&mut out, false));
        String::from_utf8(out).unwrap().trim_start().to_owned()
    }

    #[test]
    fn an_ordinary_row_has_no_note() {
        assert_eq!(note(&sample::bare()), "");
    }

    #[test]
    fn a_close_shows_its_reason_and_the_tcp_statistics() {
        assert_eq!(
            note(&sample::closed()),
            "closed here first · 1.2 kB out, 48 kB in, rtt 21.0 ms, 3 retransmits"
        );
    }

    #[test]
    fn a_reset_shows_its_cause() {
        let row = Row {
            close_reason: Some(CloseReason::ResetSent),
            reset_cause: Some("tcp_abort_on_close"),
            tcp_stats: None,
            ..sample::closed()
        };
        assert_eq!(note(&row), "reset sent (tcp_abort_on_close)");
    }

    #[test]
    fn a_handshake_shows_how_many_of_its_segments_had_no_answer() {
        for (old_state, close_reason, syn_retransmits, text) in [
            (State::SynSent, None, 0, ""),
            (State::SynSent, None, 1, "1 SYN unanswered"),
            (State::SynRecv, None, 2, "2 SYN-ACKs unanswered"),
            (State::SynSent, Some(CloseReason::Refused), 0, "refused"),
            (State::SynSent, Some(CloseReason::Abandoned), 0, "given up before an answer · 1 SYN unanswered"),
            (State::SynSent, Some(CloseReason::Timeout), 6, "timed out · 7 SYNs unanswered"),
            (State::SynRecv, Some(CloseReason::Timeout), 5, "timed out · 6 SYN-ACKs unanswered"),
            (State::SynSent, Some(CloseReason::NoPort), 0, "no local port left"),
        ] {
            let row = Row {
                old_state: Some(old_state),
                close_reason,
                syn_retransmits: Some(syn_retransmits),
                ..sample::bare()
            };
            assert_eq!(note(&row), text);
        }
    }

    #[test]
    fn inferred_and_mptcp_come_first() {
        let row = Row { kind: RowKind::Repaired, protocol: Protocol::Mptcp, ..sample::bare() };
        assert_eq!(note(&row), "(inferred) · mptcp");
    }

    #[test]
    fn unknown_values_and_zero_retransmits_take_no_space() {
        let tcp_stats = TcpStats { bytes_sent: None, bytes_received: 0, rtt_us: None, retransmits: 0 };
        assert_eq!(tcp_stats_words(&tcp_stats), "0 B in");
        assert!(tcp_stats_words(&TcpStats { retransmits: 1, ..tcp_stats }).ends_with(", 1 retransmit"));
    }

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
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
