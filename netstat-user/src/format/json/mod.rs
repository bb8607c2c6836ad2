//! JSON Lines: one object a line, with the fields of [`netstat_events`].

#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;

pub use self::text::push_json;
use super::{
    Formatter, Record,
    events::Events,
    fields::{Syntax, push_fields},
};

/// Writes JSON Lines.
pub struct JsonFormatter {
    events: Events,
}

impl JsonFormatter {
    /// A writer of JSON Lines.
    pub fn new() -> Self {
        Self { events: Events::new(netstat_events::text::from_bytes) }
    }
}

impl Default for JsonFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for JsonFormatter {
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        let Self { events } = self;
        match *record {
            Record::Row { row, cgroup } => push_row(&events.row(row, cgroup), out),
            Record::Start(started) => push_line(&events.start(started), out),
            Record::Lost(loss) => push_line(&events.lost(*loss), out),
            Record::End(ended) => push_line(&events.end(*ended), out),
        }
    }
}

/// Appends a row as one line.
fn push_row(row: &netstat_events::Row<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    push_fields::<Json>(row, out);
    // Instead of the comma before the first field.
    out[start] = b'{';
    out.extend_from_slice(b"}\n");
}

fn push_line(event: &impl Serialize, out: &mut Vec<u8>) {
    push_json(event, out);
    out.push(b'\n');
}

/// No field has a longer name, bytes.
const LONGEST_NAME: usize = 60;

/// The fields of an object, each with a comma before it.
struct Json;

impl Syntax for Json {
    // Inlined, so that the name is a constant: the text is then made at compile time, and appended at once.
    #[inline(always)]
    fn begin_field(name: &'static str, out: &mut Vec<u8>) {
        let mut text = [0; LONGEST_NAME + 4];
        text[..2].copy_from_slice(b",\"");
        text[2..][..name.len()].copy_from_slice(name.as_bytes());
        text[2 + name.len()..][..2].copy_from_slice(b"\":");
        out.extend_from_slice(&text[..name.len() + 4]);
    }

    #[inline]
    fn end_field(_: &mut Vec<u8>) {}

    #[inline]
    fn null(out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }

    #[inline]
    fn number(number: impl itoa::Integer, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    #[inline]
    fn word(word: &'static str, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
    }

    #[inline]
    fn text(text: &str, out: &mut Vec<u8>) {
        let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if text.bytes().fold(true, |all_plain, byte| all_plain & is_plain(byte)) {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        } else {
            push_json(text, out);
        }
    }
}
