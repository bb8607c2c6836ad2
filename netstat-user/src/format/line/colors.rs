//! Colors for states and failures.

use anstyle::{AnsiColor, Effects, Style};

use crate::model::{CloseReason, OwnerHow, State};

/// For the less important parts of a line.
pub(super) const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// Something that the reader must not overlook.
pub(super) const ALARM: Style = color(AnsiColor::Red).effects(Effects::BOLD);

/// The style of a state that a connection enters; red if it enters it by a failure.
pub(super) fn of_state(state: State, reason: Option<CloseReason>) -> Style {
    match state {
        _ if reason.is_some_and(is_failure) => color(AnsiColor::Red),
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

/// The style of a close reason. The reader must not overlook a failure.
pub(super) fn of_reason(reason: CloseReason) -> Style {
    if is_failure(reason) { ALARM } else { FAINT }
}

/// The style of an owner: faint for a process that holds the connection only through its listener.
pub(super) fn of_owner(how: Option<OwnerHow>) -> Style {
    if how == Some(OwnerHow::Listener) { FAINT } else { Style::new() }
}

fn is_failure(reason: CloseReason) -> bool {
    match reason {
        CloseReason::ResetReceived
        | CloseReason::ResetSent
        | CloseReason::Refused
        | CloseReason::Timeout
        | CloseReason::Unreachable
        | CloseReason::Aborted
        | CloseReason::NoPort
        | CloseReason::Abandoned => true,
        CloseReason::FinLocal
        | CloseReason::FinRemote
        | CloseReason::FinBoth
        | CloseReason::Expired
        | CloseReason::Unknown => false,
    }
}

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}
