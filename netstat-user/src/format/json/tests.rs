//! The lines, read with serde_json, and written again from what was read.

use std::net::IpAddr;

use netstat_events::{self as events, text};
use serde::de::DeserializeOwned;

use super::*;
use crate::{
    format::{
        escape::{HOSTILE_NAMES, is_harmless},
        sample,
    },
    model::{Comm, Endpoint, Owner, Row, RowKind},
};

fn written(record: &Record<'_>) -> String {
    let mut out = b"before".to_vec();
    JsonFormatter::new().write(record, &mut out);
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("before").unwrap().to_owned()
}

/// The row in a line, which has to give the same line again, and the same fields by serde_json's own writer.
fn read(line: &str) -> events::Row<'static> {
    let row: events::Row<'static> = serde_json::from_str(line).unwrap();
    let mut again = Vec::new();
    push_row(&row, &mut again);
    assert_eq!(String::from_utf8(again).unwrap(), line);
    let fields: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(serde_json::to_value(&row).unwrap(), fields);
    row
}

fn read_written(row: &Row) -> events::Row<'static> {
    read(&written(&sample::record(row)))
}

/// The event in a line, which has to give the same line again.
fn read_event<T: Serialize + DeserializeOwned>(line: &str) -> T {
    let event: T = serde_json::from_str(line).unwrap();
    let mut again = Vec::new();
    push_line(&event, &mut again);
    assert_eq!(String::from_utf8(again).unwrap(), line);
    event
}

#[test]
fn a_line_that_is_read_and_written_again_is_the_same() {
    for row in [sample::full(), sample::bare()] {
        read_written(&row);
    }
    read_event::<events::Start<'static>>(&written(&Record::Start(&sample::started())));
    read_event::<events::Lost<'static>>(&written(&Record::Lost(&sample::loss())));
    read_event::<events::End<'static>>(&written(&Record::End(&sample::ended())));
}

#[test]
fn an_existing_connection_has_no_old_state_and_its_own_event() {
    let existing = read_written(&Row { kind: RowKind::Existing, old_state: None, ..sample::full() });
    assert_eq!((existing.event, existing.old_state), (events::RowKind::Existing, None));
    let repaired = read_written(&Row { kind: RowKind::Repaired, ..sample::full() });
    assert_eq!(repaired.event, events::RowKind::Repaired);
}

#[test]
fn an_unknown_port_is_null_although_its_address_is_known() {
    let end = |addr: &str| Endpoint { addr: addr.parse().unwrap(), port: 0 };
    let row =
        read_written(&Row { local: end("10.0.0.5"), remote: Some(end("2001:db8::1")), ..sample::full() });
    let addr = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!((row.local_addr, row.local_port), (addr("10.0.0.5"), None));
    assert_eq!((row.remote_addr, row.remote_port), (Some(addr("2001:db8::1")), None));
}

#[test]
fn hostile_names_are_the_same_text_to_a_reader_and_harmless_to_a_terminal() {
    for (bytes, _) in HOSTILE_NAMES.iter().filter(|(bytes, _)| !bytes.is_empty()) {
        let line = written(&sample::record(&sample::named(bytes)));
        assert!(line.strip_suffix('\n').unwrap().chars().all(is_harmless), "{bytes:?}: {line:?}");
        assert_eq!(text::to_bytes(&read(&line).comm.unwrap()), *bytes, "{bytes:?}");
    }
}

#[test]
fn a_hostile_cgroup_is_the_same_text_to_a_reader_and_harmless_to_a_terminal() {
    let hostile = "/\u{1b}[2J\"\\\u{202e}.slice";
    let line = written(&Record::Row { row: &sample::full(), cgroup: Some(hostile.as_bytes()) });
    assert!(line.trim_end_matches('\n').chars().all(is_harmless), "{line:?}");
    assert_eq!(read(&line).cgroup.as_deref(), Some(hostile));
}

#[test]
fn no_name_of_two_bytes_breaks_a_line() {
    for first in 1..=u8::MAX {
        for second in [b'a', b'\\', 0x1b, 0x7f, 0x80, 0x9b, 0xbf, 0xff] {
            let mut comm = [0; 16];
            comm[..2].copy_from_slice(&[first, second]);
            let mut row = sample::full();
            row.owner = row.owner.map(|owner| Owner { comm: Comm::new(comm), ..owner });
            let line = written(&sample::record(&row));
            assert_eq!(line.chars().filter(|c| c.is_control()).count(), 1, "{first:#x} {second:#x}");
            read(&line);
        }
    }
}

#[test]
fn start_lost_and_end_have_the_contract_s_fields() {
    assert_eq!(
        written(&Record::Start(&sample::started())),
        concat!(
            r#"{"event":"start","ts":"2023-11-14T22:13:20.123456789Z","source":"ebpf","kernel":"6.12.1","#,
            r#""hooks":[{"name":"inet_sock_set_state","kind":"tp_btf"}],"#,
            r#""missing":[{"what":"owner","why":"no \"iter\""}]}"#,
            "\n"
        )
    );
    assert_eq!(
        written(&Record::Lost(&sample::loss())),
        concat!(
            r#"{"event":"lost","ts":"2023-11-14T22:13:20.123456789Z","count":123,"where":"ring","#,
            r#""what":"transitions"}"#,
            "\n"
        )
    );
    assert_eq!(
        written(&Record::End(&sample::ended())),
        concat!(
            r#"{"event":"end","ts":"2023-11-14T22:13:20.123456789Z","#,
            r#""transitions":9,"lost":2,"repaired":1,"duration_ns":3200000000,"owner_unknown":0}"#,
            "\n"
        )
    );
}
