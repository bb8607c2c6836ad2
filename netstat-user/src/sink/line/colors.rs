//! Colours that mean something: how far a connection is, and what went wrong.

use anstyle::{AnsiColor, Effects, Style};

use crate::model::{CloseReason, State};

/// What is less important than the rest of its line.
pub(super) const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// What nobody should miss.
pub(super) const ALARM: Style = color(AnsiColor::Red).effects(Effects::BOLD);

/// The colour of the state that a connection enters.
pub(super) fn of_state(state: State) -> Style {
    match state {
        State::Established => color(AnsiColor::Green),
        State::Listen => color(AnsiColor::Blue),
        State::SynSent | State::SynRecv => color(AnsiColor::Yellow),
        State::FinWait1 | State::FinWait2 | State::CloseWait | State::LastAck | State::Closing => {
            color(AnsiColor::Cyan)
        }
        State::TimeWait | State::Close => FAINT,
        State::Unknown => ALARM,
    }
}

/// The colour of a note: red where the connection did not end as its two ends wanted.
pub(super) fn of_note(reason: Option<CloseReason>) -> Style {
    match reason {
        Some(
            CloseReason::ResetReceived
            | CloseReason::ResetSent
            | CloseReason::Refused
            | CloseReason::Timeout
            | CloseReason::Unreachable
            | CloseReason::Aborted,
        ) => color(AnsiColor::Red),
        Some(
            CloseReason::FinLocal
            | CloseReason::FinRemote
            | CloseReason::FinBoth
            | CloseReason::Expired
            | CloseReason::Unknown,
        )
        | None => FAINT,
    }
}

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}
