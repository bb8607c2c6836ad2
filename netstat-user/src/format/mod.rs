//! The formats of the stream, one file for each, behind one trait.

mod csv;
mod escape;
mod events;
mod fields;
mod json;
mod labels;
mod line;
#[cfg(test)]
mod sample;
mod time;

pub use csv::CsvFormatter;
pub use escape::visible;
pub use json::{JsonFormatter, push_json};
pub use line::{LineFormatter, state_style};

use crate::{
    model::{Ended, Loss, Row, Started},
    options::Format,
};

/// A record of a trace's output, in this order: a start, rows and losses, an end.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// The trace begins.
    Start(&'a Started),
    /// A transition, or an existing connection.
    Row {
        /// The row.
        row: &'a Row,
        /// The path of its cgroup.
        cgroup: Option<&'a [u8]>,
    },
    /// Something was lost.
    Lost(&'a Loss),
    /// The trace ends.
    End(&'a Ended),
}

/// Turns records into bytes.
pub trait Formatter {
    /// Appends whole lines to `out`, or nothing if the format has no line for the record.
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
}

/// The formatter of a format; only the format for people has colors.
pub fn new(format: Format, color: bool) -> Box<dyn Formatter + Send> {
    match format {
        Format::Line => Box::new(LineFormatter::new(color)),
        Format::Json => Box::new(JsonFormatter::new()),
        Format::Csv => Box::new(CsvFormatter::new()),
    }
}
