//! Lines for people: owner, endpoints and direction, transition, time in the old state, close reason.

mod colors;
mod columns;
mod note;
#[cfg(test)]
mod tests;

use std::{fmt::Write, net::IpAddr};

use jiff::tz::TimeZone;

use self::columns::{Columns, cut};
use super::{
    Formatter, Record,
    escape::push_visible,
    time::{Clock, HumanDuration},
};
use crate::model::{
    Direction, Endpoint, InterfaceName, Loss, LossKind, LossPlace, Owner, OwnerHow, Row, State,
};

/// The color of a connection's present state.
pub fn state_style(state: State) -> anstyle::Style {
    colors::of_state(state, None)
}

/// The column where the process begins, and its width: a longer name is truncated.
const OWNER: usize = 13;
const OWNER_WIDTH: usize = 15;
/// Where the local endpoint ends and the arrow follows.
const LOCAL_END: usize = 46;
/// The column where the states begin.
const STATES: usize = 68;
/// The column where the time in the old state ends.
const STATE_TIME_END: usize = 100;

/// Writes lines for people.
pub struct LineFormatter {
    clock: Clock,
    has_color: bool,
    /// A buffer for a cell whose width has to be known before it is written.
    cell: String,
}

impl LineFormatter {
    /// A writer of lines, with the time of day in the system's zone.
    pub fn new(color: bool) -> Self {
        Self::in_zone(color, TimeZone::system())
    }

    fn in_zone(has_color: bool, zone: TimeZone) -> Self {
        Self { clock: Clock::time_of_day(zone), has_color, cell: String::new() }
    }

    fn write_row(&mut self, row: &Row, out: &mut Vec<u8>) {
        let Self { clock, has_color, cell } = self;
        let line = &mut Columns::new(out, *has_color);
        line.styled(clock.text(row.at.unix_ns), colors::FAINT).go_to(OWNER, 1);

        set(cell, |cell| push_owner(row.owner.as_ref(), cell));
        line.styled(cell, colors::of_owner(row.owner.map(|owner| owner.how)));
        set(cell, |cell| push_endpoint(&row.local, row.interface, cell));
        line.go_to_end_at(LOCAL_END, cell).text(cell).text(arrow(row.direction));
        set(cell, |cell| push_remote(row, cell));
        line.text(cell).go_to(STATES, 1);

        match row.old_state {
            Some(old) => line.text(old.name()).text(" → "),
            None => line.styled("· ", colors::FAINT),
        };
        line.styled(row.new_state.name(), colors::of_state(row.new_state, row.close_reason));

        if let Some(ns) = row.state_ns {
            set(cell, |cell| push(cell, format_args!("{}", HumanDuration(ns))));
            line.go_to_end_at(STATE_TIME_END, cell).text(cell);
        }
        note::write(row, STATE_TIME_END + 2, line);
        line.end();
    }

    fn write_loss(&mut self, loss: &Loss, out: &mut Vec<u8>) {
        let Loss { at, count, place, what } = *loss;
        let place = match place {
            LossPlace::Ring => "ring buffer full",
            LossPlace::Nested => "interrupted in the kernel",
            LossPlace::Output => "output not read fast enough",
            LossPlace::Table => "no room in the table",
            LossPlace::Snapshot => "snapshot failed",
        };
        let (one, many, why) = match what {
            LossKind::Transitions => ("transition", "transitions", place),
            LossKind::Observations => ("observation", "observations", place),
            LossKind::UnknownRecords => ("record", "records", "of an unknown kind"),
            LossKind::Snapshots => ("snapshot", "snapshots", "sockets could not be listed"),
        };
        let noun = if count == 1 { one } else { many };
        let line = &mut Columns::new(out, self.has_color);
        line.styled(self.clock.text(at.unix_ns), colors::FAINT).go_to(OWNER, 1);
        line.styled(&format!("… {count} {noun} lost: {why}"), colors::ALARM).end();
    }
}

impl Formatter for LineFormatter {
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        match record {
            Record::Row { row, cgroup: _ } => self.write_row(row, out),
            Record::Lost(loss) => self.write_loss(loss, out),
            // stderr shows these to people.
            Record::Start(_) | Record::End(_) => {}
        }
    }
}

/// Replaces the text of the cell.
fn set(cell: &mut String, fill: impl FnOnce(&mut String)) {
    cell.clear();
    fill(cell);
}

fn push(cell: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = cell.write_fmt(text);
}

fn push_owner(owner: Option<&Owner>, cell: &mut String) {
    let Some(owner) = owner else {
        cell.push('-');
        return;
    };
    // The listener's owner may not be the process that accepts the connection.
    let (open, close) = if owner.how == OwnerHow::Listener { ("(", ")") } else { ("", "") };
    let pid_width = owner.pid.checked_ilog10().map_or(1, |log| log as usize + 1);
    cell.push_str(open);
    push_visible(owner.comm.known().unwrap_or(b"-"), cell);
    cut(cell, OWNER_WIDTH.saturating_sub(1 + pid_width + close.len()));
    push(cell, format_args!(" {}{close}", owner.pid));
}

/// An endpoint; a link-local address with its interface, without which it could be one of another link.
fn push_endpoint(endpoint: &Endpoint, interface: Option<InterfaceName>, cell: &mut String) {
    let Endpoint { addr, port } = endpoint;
    match (addr, interface) {
        (IpAddr::V4(addr), _) => push(cell, format_args!("{addr}:")),
        (IpAddr::V6(addr), Some(interface)) if addr.is_unicast_link_local() => {
            push(cell, format_args!("[{addr}%"));
            push_visible(interface.as_bytes(), cell);
            cell.push_str("]:");
        }
        (IpAddr::V6(addr), _) => push(cell, format_args!("[{addr}]:")),
    }
    match port {
        0 => cell.push('?'),
        port => push(cell, format_args!("{port}")),
    }
}

fn push_remote(row: &Row, cell: &mut String) {
    match (&row.remote, row.direction) {
        (Some(remote), _) => push_endpoint(remote, row.interface, cell),
        (None, Some(Direction::Listen)) => cell.push_str("(listening)"),
        (None, _) => cell.push('?'),
    }
}

fn arrow(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::Outbound) => " → ",
        Some(Direction::Inbound) => " ← ",
        Some(Direction::Listen) => "   ",
        None => " – ",
    }
}
