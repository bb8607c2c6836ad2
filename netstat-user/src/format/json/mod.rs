//! JSON Lines: one object a line, as the contract names its fields.

mod row;
#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;

use super::{Formatter, Record, clock::Clock, fields::RowFields, labels};
use crate::model::{Ended, Loss, Missing, Started};

/// Writes JSON Lines.
pub struct JsonFormatter {
    clock: Clock,
}

#[derive(Serialize)]
struct StartFields<'a> {
    event: &'static str,
    ts: &'a str,
    source: &'static str,
    kernel: &'a str,
    hooks: Vec<HookFields>,
    missing: Vec<MissingFields<'a>>,
}

#[derive(Serialize)]
struct HookFields {
    name: &'static str,
    kind: &'static str,
}

#[derive(Serialize)]
struct MissingFields<'a> {
    what: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
struct LostFields<'a> {
    event: &'static str,
    ts: &'a str,
    count: u64,
    r#where: &'static str,
    what: &'static str,
}

#[derive(Serialize)]
struct EndFields<'a> {
    event: &'static str,
    ts: &'a str,
    transitions: u64,
    lost: u64,
    repaired: u64,
    duration_ns: u64,
}

impl JsonFormatter {
    /// A writer of JSON Lines.
    pub fn new() -> Self {
        Self { clock: Clock::rfc3339() }
    }
}

impl Default for JsonFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for JsonFormatter {
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        match *record {
            Record::Row { row, cgroup } => {
                let ts = self.clock.text(row.at.unix_ns);
                row::push_row(&RowFields::new(row, cgroup, ts), out);
            }
            Record::Start(Started { at, source, kernel, hooks, missing }) => {
                let hooks = hooks.iter().map(|&(name, kind)| HookFields { name, kind }).collect();
                let missing =
                    missing.iter().map(|Missing { what, why }| MissingFields { what, why }).collect();
                let ts = self.clock.text(at.unix_ns);
                let source = labels::source(*source);
                push_line(&StartFields { event: "start", ts, source, kernel, hooks, missing }, out);
            }
            Record::Lost(&Loss { at, count, place, what }) => {
                let ts = self.clock.text(at.unix_ns);
                let (r#where, what) = (labels::loss_place(place), labels::loss_kind(what));
                push_line(&LostFields { event: "lost", ts, count, r#where, what }, out);
            }
            Record::End(&Ended { at, transitions, lost, repaired, duration_ns }) => {
                let ts = self.clock.text(at.unix_ns);
                push_line(&EndFields { event: "end", ts, transitions, lost, repaired, duration_ns }, out);
            }
        }
    }
}

fn push_line<T: Serialize>(fields: &T, out: &mut Vec<u8>) {
    text::push_json(fields, out);
    out.push(b'\n');
}
