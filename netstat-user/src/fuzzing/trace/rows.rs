//! A row in every format, read back by parsers that this project did not write.

use std::cell::RefCell;

use netstat_events::{self as events, text};
use serde_json::Value;

use crate::{
    format::{CsvFormatter, Formatter, JsonFormatter, LineFormatter, Record},
    fuzzing::names::harms_a_terminal,
    model::Row,
};

/// The formatters: they are made once, because one of them reads the time zone.
struct Formatters {
    json: JsonFormatter,
    csv: CsvFormatter,
    line: LineFormatter,
}

thread_local! {
    static FORMATTERS: RefCell<Formatters> = RefCell::new(Formatters {
        json: JsonFormatter::new(),
        csv: CsvFormatter::new(),
        line: LineFormatter::new(false),
    });
}

/// All formats show the row's values, its names are lossless, and each is one line that harms no terminal.
pub(super) fn check(row: &Row, cgroup: &[u8]) {
    let record = Record::Row { row, cgroup: row.cgroup.map(|_| cgroup) };
    let [json, csv, _] = FORMATTERS.with_borrow_mut(|Formatters { json, csv, line: for_people }| {
        [line(json, &record), line(csv, &record), line(for_people, &record)]
    });
    let read: events::Row<'static> = serde_json::from_str(&json).expect("a row of JSON");
    let comm = read.comm.as_ref().map(|comm| text::to_bytes(comm));
    assert_eq!(comm.as_deref(), row.owner.as_ref().and_then(|owner| owner.comm.known()), "{json}");
    let path = read.cgroup.as_ref().map(|path| text::to_bytes(path));
    assert_eq!(path.as_deref(), row.cgroup.map(|_| cgroup), "{json}");
    assert_eq!((read.mono_ns, read.local_addr), (row.at.mono_ns, row.local.addr), "{json}");
    assert_eq!(read.remote_addr, row.remote.map(|end| end.addr), "{json}");
    assert_eq!((read.pid, read.netns), (row.owner.map(|owner| owner.pid), row.netns), "{json}");

    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    let cells = reader.records().next().expect("a line").expect("a line of CSV");
    let fields: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(cells.len(), events::Row::names().len(), "{csv}");
    for (cell, name) in cells.iter().zip(events::Row::names()) {
        let expected = match &fields[*name] {
            Value::Null => Vec::new(),
            Value::String(value) => text::to_bytes(value),
            value => value.to_string().into_bytes(),
        };
        assert_eq!(text::to_bytes(cell), expected, "{name} in {csv}");
        // Negative numbers are none: no field is signed.
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{name} is a formula in {csv}");
    }
}

/// What the formatter writes: exactly one line.
fn line(formatter: &mut impl Formatter, record: &Record<'_>) -> String {
    let mut out = Vec::new();
    formatter.write(record, &mut out);
    let text = String::from_utf8(out).expect("text");
    let line = text.strip_suffix('\n').expect("the end of a line");
    assert!(!line.chars().any(harms_a_terminal), "{line:?}");
    line.to_owned()
}
