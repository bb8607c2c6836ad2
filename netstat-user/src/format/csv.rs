//! Comma-separated values with a header row, quoted as in RFC 4180: a column for each field of a row, empty where it is
//! unknown.
//!
//! Names have the text that they have in JSON. JSON escapes what could harm a terminal; CSV has no escapes, so here
//! such a character is written as [`text`] writes bytes that are not UTF-8. The same happens to a sign that would make
//! a spreadsheet take the cell for a formula. A reader of [`text`] gets the name back in both cases.

use std::borrow::Cow;

use netstat_events::text;

use super::{
    Formatter, Record,
    escape::{is_harmless, is_mark},
    events::Events,
    fields::{Syntax, push_fields},
};

/// Writes comma-separated values.
pub struct CsvFormatter {
    events: Events,
}

impl CsvFormatter {
    /// A writer of comma-separated values.
    pub fn new() -> Self {
        Self { events: Events::new(cell) }
    }
}

impl Default for CsvFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for CsvFormatter {
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        match *record {
            Record::Start(_) => {
                out.extend_from_slice(netstat_events::Row::names().join(",").as_bytes());
                out.push(b'\n');
            }
            Record::Row { row, cgroup } => {
                push_fields::<Csv>(&self.events.row(row, cgroup), out);
                // Instead of the comma after the last field.
                out.pop();
                out.push(b'\n');
            }
            // They have no such fields; stderr reports them.
            Record::Lost(_) | Record::End(_) => {}
        }
    }
}

/// A name as the text of a cell.
fn cell(name: &[u8]) -> Cow<'_, str> {
    let is_simple = |byte: &u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_');
    if name.iter().all(is_simple) {
        // Nearly every name.
        return text::from_bytes(name);
    }
    let cell = text::from_bytes_unless(name, |c| !is_harmless(c) && !is_mark(c));
    let starts = std::iter::once('\n').chain(cell.chars());
    if !starts.clone().zip(cell.chars()).any(begins_a_formula) {
        return cell;
    }
    let mut defused = String::with_capacity(cell.len() + 2);
    for (before, c) in starts.zip(cell.chars()) {
        if begins_a_formula((before, c)) {
            defused.extend(c.encode_utf8(&mut [0; 4]).bytes().map(text::character));
        } else {
            defused.push(c);
        }
    }
    Cow::Owned(defused)
}

/// Whether a spreadsheet takes a cell that begins with `c`, or goes on with it after `before`, for a formula. A semicolon
/// separates cells where the comma separates decimals, and the full-width signs count in East Asia.
fn begins_a_formula((before, c): (char, char)) -> bool {
    matches!(before, '\n' | ';') && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

/// The fields of a line, each with a comma after it.
struct Csv;

impl Syntax for Csv {
    #[inline]
    fn begin_field(_: &'static str, _: &mut Vec<u8>) {}

    #[inline]
    fn end_field(out: &mut Vec<u8>) {
        out.push(b',');
    }

    #[inline]
    fn null(_: &mut Vec<u8>) {}

    #[inline]
    fn number(number: impl itoa::Integer, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    #[inline]
    fn word(word: &'static str, out: &mut Vec<u8>) {
        out.extend_from_slice(word.as_bytes());
    }

    #[inline]
    fn text(text: &str, out: &mut Vec<u8>) {
        if !text.contains([',', '"', '\r', '\n']) {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};
    use crate::{
        format::escape::HOSTILE_NAMES,
        model::{Row, RowKind},
    };

    fn written(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        CsvFormatter::new().write(record, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Splits a row as RFC 4180 defines.
    fn fields_of(row: &str) -> Vec<String> {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        let mut rest = row.strip_suffix('\n').unwrap().chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => fields.last_mut().unwrap().extend(rest.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    }

    fn field(row: &Row, name: &str) -> String {
        let header = fields_of(&written(&Record::Start(&sample::started())));
        let place = header.iter().position(|column| column == name).unwrap();
        fields_of(&written(&sample::record(row)))[place].clone()
    }

    #[test]
    fn a_row_has_a_field_for_each_name_in_the_header() {
        let header = written(&Record::Start(&sample::started()));
        for row in [sample::full(), sample::bare()] {
            assert_eq!(fields_of(&written(&sample::record(&row))).len(), fields_of(&header).len());
        }
    }

    #[test]
    fn existing_and_repaired_rows_differ_from_transitions_in_their_event() {
        let existing = Row { kind: RowKind::Existing, old_state: None, ..sample::full() };
        assert_eq!(
            (field(&existing, "event"), field(&existing, "old_state")),
            ("existing".into(), "".into())
        );
        let repaired = Row { kind: RowKind::Repaired, ..sample::full() };
        assert_eq!(field(&repaired, "event"), "repaired");
    }

    #[test]
    fn hostile_cgroups_stay_in_their_field() {
        let row = sample::full();
        let record = Record::Row { row: &row, cgroup: Some(b"/a,\"b\"\x1b]0;owned\x07") };
        let line = written(&record);
        assert!(line.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{line:?}");
        assert!(fields_of(&line).contains(&"/a,\"b\"\u{ef1b}]0;owned\u{ef07}".to_owned()), "{line}");
    }

    #[test]
    fn a_reader_gets_every_hostile_name_back_from_its_field() {
        for (bytes, _) in HOSTILE_NAMES.iter().filter(|(bytes, _)| !bytes.is_empty()) {
            let row = sample::named(bytes);
            assert_eq!(text::to_bytes(&field(&row, "comm")), *bytes, "{bytes:?}");
            assert_eq!(field(&row, "source"), "ebpf", "{bytes:?}");
            let line = written(&sample::record(&row));
            assert!(line.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{line:?}");
        }
    }

    #[test]
    fn a_harmless_name_is_itself() {
        for name in ["nginx", "back\\slash", "x\\xffy", "웹서버", "Käse", "a b", "a=b", "a-b", "a; b", "é"]
        {
            assert_eq!(cell(name.as_bytes()), name);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (name, shown) in [
            ("=1+1", "\u{ef3d}1+1"),
            ("+1", "\u{ef2b}1"),
            ("-bash", "\u{ef2d}bash"),
            ("@SUM(A1)", "\u{ef40}SUM(A1)"),
            ("\t=1", "\u{ef09}=1"),
            ("\r=1", "\u{ef0d}=1"),
            ("a;=1+1", "a;\u{ef3d}1+1"),
            ("＝1", "\u{efef}\u{efbc}\u{ef9d}1"),
            ("==", "\u{ef3d}="),
        ] {
            assert_eq!(cell(name.as_bytes()), shown, "{name:?}");
            assert_eq!(text::to_bytes(shown), name.as_bytes());
        }
    }

    #[test]
    fn losses_and_the_end_are_not_written() {
        assert_eq!(written(&Record::Lost(&sample::loss())), "");
        assert_eq!(written(&Record::End(&sample::ended())), "");
    }
}
