//! Comma-separated values with a header row, quoted as RFC 4180 says: the fields of a `transition`,
//! nothing for what isn't known.

use std::{
    fmt::{self, Display},
    io::Write,
};

use super::{Formatter, Record, clock::Clock, escape::push_visible, fields::RowFields};

/// The columns, by the names that json has for them.
const HEADER: &str = "event,ts,mono_ns,conn,family,proto,local_addr,local_port,remote_addr,remote_port,\
    direction,old_state,new_state,state_ns,pid,comm,uid,owner,netns,cgroup,close_reason,\
    bytes_sent,bytes_received,rtt_us,retransmits,source\n";

/// Writes comma-separated values.
pub struct CsvFormatter {
    clock: Clock,
}

impl CsvFormatter {
    /// A writer of comma-separated values.
    pub fn new() -> Self {
        Self { clock: Clock::rfc3339() }
    }
}

impl Default for CsvFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for CsvFormatter {
    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        match record {
            Record::Start(_) => out.extend_from_slice(HEADER.as_bytes()),
            Record::Row { row, cgroup } => {
                push_row(&RowFields::new(row, *cgroup, self.clock.text(row.at.unix_ns)), out);
            }
            // Losses and the summary have no such fields: stderr has them.
            Record::Lost(_) | Record::End(_) => {}
        }
    }
}

fn push_row(fields: &RowFields<'_>, out: &mut Vec<u8>) {
    let RowFields {
        event,
        ts,
        mono_ns,
        conn,
        family,
        proto,
        local_addr,
        local_port,
        remote_addr,
        remote_port,
        direction,
        old_state,
        new_state,
        state_ns,
        pid,
        comm,
        uid,
        owner,
        netns,
        cgroup,
        close_reason,
        bytes_sent,
        bytes_received,
        rtt_us,
        retransmits,
        source,
    } = fields;
    let comm = comm.map(|comm| Quoted::visible(comm.as_bytes()));
    let cgroup = cgroup.map(|path| Quoted::visible(path.as_bytes()));
    // A Vec takes all that is written.
    let _ = writeln!(
        out,
        "{event},{ts},{mono_ns},{conn},{family},{proto},{local_addr},{local_port},{remote_addr},{remote_port},\
        {direction},{old_state},{new_state},{state_ns},{pid},{comm},{uid},{owner},{netns},{cgroup},{close_reason},\
        {bytes_sent},{bytes_received},{rtt_us},{retransmits},{source}",
        conn = conn.0,
        local_port = OrEmpty(*local_port),
        remote_addr = OrEmpty(*remote_addr),
        remote_port = OrEmpty(*remote_port),
        direction = OrEmpty(*direction),
        old_state = OrEmpty(*old_state),
        state_ns = OrEmpty(*state_ns),
        pid = OrEmpty(*pid),
        comm = OrEmpty(comm),
        uid = OrEmpty(*uid),
        owner = OrEmpty(*owner),
        netns = OrEmpty(*netns),
        cgroup = OrEmpty(cgroup),
        close_reason = OrEmpty(*close_reason),
        bytes_sent = OrEmpty(*bytes_sent),
        bytes_received = OrEmpty(*bytes_received),
        rtt_us = OrEmpty(*rtt_us),
        retransmits = OrEmpty(*retransmits),
    );
}

struct OrEmpty<T>(Option<T>);

impl<T: Display> Display for OrEmpty<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |value| value.fmt(f))
    }
}

/// A field that may need quotes.
struct Quoted(String);

impl Quoted {
    /// A text of somebody else's.
    fn visible(bytes: &[u8]) -> Self {
        let mut text = String::new();
        push_visible(bytes, &mut text);
        Self(text)
    }
}

impl Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains([',', '"', '\r', '\n']) {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        } else {
            f.write_str(&self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};
    use crate::{
        format::{JsonFormatter, escape::HOSTILE_NAMES},
        model::{Row, RowKind},
    };

    fn written(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        CsvFormatter::new().write(record, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Takes a row apart as RFC 4180 says.
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
        let place = HEADER.trim_end().split(',').position(|column| column == name).unwrap();
        fields_of(&written(&sample::record(row)))[place].clone()
    }

    #[test]
    fn the_header_names_what_json_names_in_the_same_order() {
        let mut json = Vec::new();
        JsonFormatter::new().write(&sample::record(&sample::full()), &mut json);
        let json = String::from_utf8(json).unwrap();
        let header = written(&Record::Start(&sample::started()));
        let mut rest = json.as_str();
        for name in header.trim_end().split(',') {
            let name = format!("\"{name}\":");
            let place = rest.find(&name).unwrap_or_else(|| panic!("{name} is not next in {rest}"));
            assert_eq!(rest[..place].matches("\":").count(), 0, "json has a field before {name}");
            rest = &rest[place + name.len()..];
        }
        assert!(!rest.contains("\":"), "json has more: {rest}");
    }

    #[test]
    fn a_row_has_everything_that_is_known() {
        assert_eq!(
            written(&sample::record(&sample::full())),
            "transition,2023-11-14T22:13:20.123456789Z,5000000000,7,ipv4,tcp,10.0.0.5,45012,93.184.216.34,443,\
             outbound,FIN_WAIT2,TIME_WAIT,200000,2876,curl,1000,connect,4026531840,/system.slice/nginx.service,\
             fin_local,1234,48000,21000,3,ebpf\n"
        );
    }

    #[test]
    fn rows_that_nobody_saw_happen_are_told_apart_by_their_event() {
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
    fn what_is_not_known_is_empty() {
        assert_eq!(
            written(&sample::record(&sample::bare())),
            "transition,1970-01-01T00:00:00.000000000Z,0,1,ipv6,tcp,::,,,,,CLOSE,LISTEN,,,,,,,,,,,,,ebpf\n"
        );
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
    fn losses_and_the_end_are_no_rows() {
        assert_eq!(written(&Record::Lost(&sample::loss())), "");
        assert_eq!(written(&Record::End(&sample::ended())), "");
    }
}
