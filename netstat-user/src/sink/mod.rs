//! What becomes of the rows: one file per format, behind one small trait.

mod clock;
mod csv;
mod duration;
mod escape;
mod fields;
mod json;
mod line;
#[cfg(test)]
mod sample;
mod words;

pub use csv::CsvSink;
pub use escape::visible;
pub use json::JsonSink;
pub use line::{LineSink, state_style};

use crate::{
    config::Format,
    model::{Ended, Loss, Row, Started},
};

/// What a trace says, in this order: a start, rows and losses, an end.
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
    /// Something was not seen.
    Lost(&'a Loss),
    /// The trace is over.
    End(&'a Ended),
}

/// A format.
pub trait Sink {
    /// Appends whole lines to `out`, or nothing where the format has nothing to say of the record.
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
}

/// The sink that writes the format; only the one for people has colours.
pub fn new(format: Format, color: bool) -> Box<dyn Sink + Send> {
    match format {
        Format::Line => Box::new(LineSink::new(color)),
        Format::Json => Box::new(JsonSink::new()),
        Format::Csv => Box::new(CsvSink::new()),
    }
}
