//! Comma-separated values with a header row, quoted as in RFC 4180: a column for each field of a row, empty where it is
//! unknown.

use super::{
    Formatter, Record,
    escape::visible_text,
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
        Self { events: Events::new(visible_text) }
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
        let record = Record::Row { row: &row, cgroup: Some("/a,\"b\"\u{1b}]0;owned\u{7}") };
        let text = written(&record);
        assert!(text.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{text:?}");
        assert!(fields_of(&text).contains(&"/a,\"b\"\\u{1b}]0;owned\\u{7}".to_owned()), "{text}");
    }

    #[test]
    fn hostile_names_stay_in_their_field() {
        for (bytes, shown) in HOSTILE_NAMES {
            let row = sample::named(bytes);
            assert_eq!(field(&row, "comm"), *shown, "{bytes:?}");
            assert_eq!(field(&row, "source"), "ebpf", "{bytes:?}");
            let text = written(&sample::record(&row));
            assert!(text.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{text:?}");
        }
    }

    #[test]
    fn losses_and_the_end_are_not_written() {
        assert_eq!(written(&Record::Lost(&sample::loss())), "");
        assert_eq!(written(&Record::End(&sample::ended())), "");
    }
}
