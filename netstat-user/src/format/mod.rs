//! What becomes of the rows: one file per format, behind one small trait.

mod clock;
mod csv;
mod duration;
mod escape;
mod events;
mod fields;
mod json;
mod labels;
mod line;
#[cfg(test)]
mod sample;

pub use csv::CsvFormatter;
pub use escape::visible;
pub use json::JsonFormatter;
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
    /// Something happened to a connection.
    Row {
        /// What.
        row: &'a Row,
        /// The path of its cgroup.
        cgroup: Option<&'a str>,
    },
    /// Something was lost.
    Lost(&'a Loss),
    /// The trace is over.
    End(&'a Ended),
}

/// A format.
pub trait Formatter {
    /// Appends whole lines to `out`, or nothing if the format has no line for the record.
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
}

/// The format that writes the format; only the one for people has colours.
pub fn new(format: Format, color: bool) -> Box<dyn Formatter + Send> {
    match format {
        Format::Line => Box::new(LineFormatter::new(color)),
        Format::Json => Box::new(JsonFormatter::new()),
        Format::Csv => Box::new(CsvFormatter::new()),
    }
}
