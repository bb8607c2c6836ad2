//! The lines, read as a stranger reads them: by the contract, and with nothing unexpected.

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::{
    format::{
        escape::{HOSTILE_NAMES, is_harmless},
        sample,
    },
    model::{Comm, Endpoint, Row, RowKind},
};

/// A row as the contract describes it.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct RowLine {
    event: String,
    ts: String,
    mono_ns: u64,
    conn: String,
    family: String,
    proto: String,
    local_addr: String,
    local_port: Option<u16>,
    remote_addr: Option<String>,
    remote_port: Option<u16>,
    direction: Option<String>,
    old_state: Option<String>,
    new_state: String,
    state_ns: Option<u64>,
    pid: Option<u32>,
    comm: Option<String>,
    uid: Option<u32>,
    owner: Option<String>,
    netns: Option<u32>,
    cgroup: Option<String>,
    close_reason: Option<String>,
    bytes_sent: Option<u64>,
    bytes_received: Option<u64>,
    rtt_us: Option<u32>,
    retransmits: Option<u32>,
    source: String,
}

fn written(record: &Record<'_>) -> String {
    let mut out = b"before".to_vec();
    JsonFormatter::new().write(record, &mut out);
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("before").unwrap().to_owned()
}

fn read(row: &Row) -> RowLine {
    serde_json::from_str(&written(&sample::record(row))).unwrap()
}

#[test]
fn a_row_has_the_contract_s_fields_in_its_order() {
    assert_eq!(
        written(&sample::record(&sample::full())),
        concat!(
            r#"{"event":"transition","ts":"2023-11-14T22:13:20.123456789Z","mono_ns":5000000000,"conn":"7","#,
            r#""family":"ipv4","proto":"tcp","local_addr":"10.0.0.5","local_port":45012,"#,
            r#""remote_addr":"93.184.216.34","remote_port":443,"direction":"outbound","#,
            r#""old_state":"FIN_WAIT2","new_state":"TIME_WAIT","state_ns":200000,"#,
            r#""pid":2876,"comm":"curl","uid":1000,"owner":"connect","netns":4026531840,"cgroup":"/system.slice/nginx.service","#,
            r#""close_reason":"fin_local","bytes_sent":1234,"bytes_received":48000,"rtt_us":21000,"#,
            r#""retransmits":3,"source":"ebpf"}"#,
            "\n"
        )
    );
}

#[test]
fn what_is_not_known_is_null() {
    let line: Value = serde_json::from_str(&written(&sample::record(&sample::bare()))).unwrap();
    let nulls: Vec<&str> = line
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name.as_str())
        .collect();
    let mut expected = vec![
        "local_port",
        "remote_addr",
        "remote_port",
        "direction",
        "state_ns",
        "pid",
        "comm",
        "uid",
        "owner",
        "netns",
        "cgroup",
        "close_reason",
        "bytes_sent",
        "bytes_received",
        "rtt_us",
        "retransmits",
    ];
    expected.sort_unstable();
    assert_eq!(nulls, expected);
    assert_eq!(read(&sample::bare()).local_addr, "::");
}

#[test]
fn an_existing_connection_has_no_old_state_and_its_own_event() {
    let row = Row { kind: RowKind::Existing, old_state: None, ..sample::full() };
    let line = read(&row);
    assert_eq!((line.event.as_str(), line.old_state), ("existing", None));
    assert_eq!(read(&Row { kind: RowKind::Repaired, ..sample::full() }).event, "repaired");
}

#[test]
fn a_port_that_is_not_known_is_null_beside_its_address() {
    let end = |addr: &str| Endpoint { addr: addr.parse().unwrap(), port: 0 };
    let line = read(&Row { local: end("10.0.0.5"), remote: Some(end("2001:db8::1")), ..sample::full() });
    assert_eq!((line.local_addr.as_str(), line.local_port), ("10.0.0.5", None));
    assert_eq!((line.remote_addr.as_deref(), line.remote_port), (Some("2001:db8::1"), None));
}

#[test]
fn hostile_names_are_the_same_text_to_a_reader_and_harmless_to_a_terminal() {
    for (bytes, _) in HOSTILE_NAMES {
        let row = sample::named(bytes);
        let line = written(&sample::record(&row));
        let text = line.strip_suffix('\n').unwrap();
        assert!(text.chars().all(is_harmless), "{bytes:?}: {text:?}");
        let line: RowLine = serde_json::from_str(text).unwrap();
        assert_eq!(line.comm.unwrap(), String::from_utf8_lossy(bytes), "{bytes:?}");
    }
}

#[test]
fn a_hostile_cgroup_is_the_same_text_to_a_reader_and_harmless_to_a_terminal() {
    let hostile = "/\u{1b}[2J\"\\\u{202e}.slice";
    let line = written(&Record::Row { row: &sample::full(), cgroup: Some(hostile) });
    assert!(line.trim_end_matches('\n').chars().all(is_harmless), "{line:?}");
    assert_eq!(serde_json::from_str::<RowLine>(&line).unwrap().cgroup.as_deref(), Some(hostile));
}

#[test]
fn no_name_of_two_bytes_breaks_a_line() {
    for first in 1..=u8::MAX {
        for second in [b'a', b'\\', 0x1b, 0x7f, 0x80, 0x9b, 0xbf, 0xff] {
            let mut comm = [0; 16];
            comm[..2].copy_from_slice(&[first, second]);
            let mut row = sample::full();
            row.owner = row.owner.map(|owner| crate::model::Owner { comm: Comm::new(comm), ..owner });
            let line = written(&sample::record(&row));
            assert_eq!(line.chars().filter(|c| c.is_control()).count(), 1, "{first:#x} {second:#x}");
            serde_json::from_str::<RowLine>(&line).unwrap();
        }
    }
}

#[test]
fn start_lost_and_end_say_what_the_contract_says() {
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
            r#""transitions":9,"lost":2,"repaired":1,"duration_ns":3200000000}"#,
            "\n"
        )
    );
}
