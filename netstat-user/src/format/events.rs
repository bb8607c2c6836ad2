//! Records as events: where each field of an event comes from.

use std::borrow::Cow;

use netstat_events as events;

use super::time::Clock;
use crate::model::{Ended, Loss, Missing, Row, Started, Text};

/// Converts bytes that a process chose, such as its name, to text.
pub(super) type ForeignText = for<'a> fn(&'a [u8]) -> Cow<'a, str>;

/// Converts records to events, one at a time: it owns the text that the event borrows.
pub(super) struct Events {
    clock: Clock,
    conn: itoa::Buffer,
    foreign_text: ForeignText,
}

impl Events {
    pub(super) fn new(foreign_text: ForeignText) -> Self {
        Self { clock: Clock::rfc3339(), conn: itoa::Buffer::new(), foreign_text }
    }

    /// A row; `cgroup` is the path of its cgroup.
    pub(super) fn row<'a>(&'a mut self, row: &'a Row, cgroup: Option<&'a [u8]>) -> events::Row<'a> {
        let Row {
            kind,
            at,
            conn,
            family,
            protocol,
            local,
            remote,
            direction,
            old_state,
            new_state,
            state_ns,
            owner,
            socket_uid,
            netns,
            // The cgroup's id, of which `cgroup` is the path.
            cgroup: _,
            close_reason,
            tcp_stats,
            source,
            interface,
            reset_cause,
            syn_retransmits,
        } = row;
        let Self { clock, conn: conn_text, foreign_text } = self;
        let foreign_text = *foreign_text;
        events::Row {
            event: (*kind).into(),
            ts: clock.text(at.unix_ns).into(),
            mono_ns: at.mono_ns,
            conn: conn_text.format(conn.0).into(),
            family: (*family).into(),
            proto: (*protocol).into(),
            local_addr: local.addr,
            local_port: known(local.port),
            remote_addr: remote.map(|end| end.addr),
            remote_port: remote.and_then(|end| known(end.port)),
            direction: direction.map(Into::into),
            old_state: old_state.map(Into::into),
            new_state: (*new_state).into(),
            state_ns: *state_ns,
            pid: owner.map(|owner| owner.pid),
            comm: owner.as_ref().and_then(|owner| owner.comm.known()).map(foreign_text),
            uid: owner.and_then(|owner| owner.uid).or(*socket_uid),
            owner: owner.map(|owner| owner.how.into()),
            netns: *netns,
            cgroup: cgroup.map(foreign_text),
            close_reason: close_reason.map(Into::into),
            bytes_sent: tcp_stats.and_then(|tcp_stats| tcp_stats.bytes_sent),
            bytes_received: tcp_stats.map(|tcp_stats| tcp_stats.bytes_received),
            rtt_us: tcp_stats.and_then(|tcp_stats| tcp_stats.rtt_us),
            retransmits: tcp_stats.map(|tcp_stats| tcp_stats.retransmits),
            source: (*source).into(),
            interface: interface.as_ref().map(|name| foreign_text(name.as_bytes())),
            reset_cause: reset_cause.map(Cow::Borrowed),
            syn_retransmits: *syn_retransmits,
        }
    }

    /// The first event.
    pub(super) fn start<'a>(&'a mut self, started: &'a Started) -> events::Start<'a> {
        let Started { at, source, kernel, hooks, missing } = started;
        let hook = |(name, kind): &'a (Text, Text)| events::Hook {
            name: Cow::Borrowed(name),
            kind: Cow::Borrowed(kind),
        };
        let missing_fact = |Missing { what, why }: &'a Missing| events::Missing {
            what: Cow::Borrowed(what),
            why: why.into(),
        };
        events::Start {
            ts: self.clock.text(at.unix_ns).into(),
            source: (*source).into(),
            kernel: kernel.into(),
            hooks: hooks.iter().map(hook).collect(),
            missing: missing.iter().map(missing_fact).collect(),
        }
    }

    /// A loss.
    pub(super) fn lost(&mut self, loss: Loss) -> events::Lost<'_> {
        let Loss { at, count, place, what } = loss;
        events::Lost { ts: self.clock.text(at.unix_ns).into(), count, place: place.into(), what: what.into() }
    }

    /// The last event.
    pub(super) fn end(&mut self, ended: Ended) -> events::End<'_> {
        let Ended { at, transitions, lost, repaired, duration_ns, owner_unknown } = ended;
        let ts = self.clock.text(at.unix_ns).into();
        events::End { ts, transitions, lost, repaired, duration_ns, owner_unknown }
    }
}

/// Port 0 means an unknown port.
fn known(port: u16) -> Option<u16> {
    Some(port).filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use crate::format::{CsvFormatter, Formatter, JsonFormatter, Record, sample};

    /// A record as a format writes it.
    fn written(mut formatter: impl Formatter, record: &Record<'_>) -> String {
        let mut out = Vec::new();
        formatter.write(record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_in_which_everything_is_known() {
        let row = sample::full();
        assert_eq!(
            written(JsonFormatter::new(), &sample::record(&row)),
            concat!(
                r#"{"event":"transition","ts":"2023-11-14T22:13:20.123456789Z","mono_ns":5000000000,"conn":"7","#,
                r#""family":"ipv4","proto":"tcp","local_addr":"10.0.0.5","local_port":45012,"#,
                r#""remote_addr":"93.184.216.34","remote_port":443,"direction":"outbound","#,
                r#""old_state":"FIN_WAIT2","new_state":"TIME_WAIT","state_ns":200000,"#,
                r#""pid":2876,"comm":"curl","uid":1000,"owner":"connect","netns":4026531840,"#,
                r#""cgroup":"/system.slice/nginx.service","#,
                r#""close_reason":"fin_local","bytes_sent":1234,"bytes_received":48000,"rtt_us":21000,"#,
                r#""retransmits":3,"source":"ebpf","interface":"eth0","reset_cause":"tcp_abort_on_close","#,
                r#""syn_retransmits":2}"#,
                "\n"
            )
        );
        assert_eq!(
            written(CsvFormatter::new(), &sample::record(&row)),
            "transition,2023-11-14T22:13:20.123456789Z,5000000000,7,ipv4,tcp,10.0.0.5,45012,93.184.216.34,443,\
             outbound,FIN_WAIT2,TIME_WAIT,200000,2876,curl,1000,connect,4026531840,/system.slice/nginx.service,\
             fin_local,1234,48000,21000,3,ebpf,eth0,tcp_abort_on_close,2\n"
        );
    }

    #[test]
    fn a_row_in_which_as_little_as_possible_is_known() {
        let row = sample::bare();
        assert_eq!(
            written(JsonFormatter::new(), &sample::record(&row)),
            concat!(
                r#"{"event":"transition","ts":"1970-01-01T00:00:00.000000000Z","mono_ns":0,"conn":"1","#,
                r#""family":"ipv6","proto":"tcp","local_addr":"::","local_port":null,"#,
                r#""remote_addr":null,"remote_port":null,"direction":null,"#,
                r#""old_state":"CLOSE","new_state":"LISTEN","state_ns":null,"#,
                r#""pid":null,"comm":null,"uid":null,"owner":null,"netns":null,"cgroup":null,"#,
                r#""close_reason":null,"bytes_sent":null,"bytes_received":null,"rtt_us":null,"#,
                r#""retransmits":null,"source":"ebpf","interface":null,"reset_cause":null,"syn_retransmits":null}"#,
                "\n"
            )
        );
        assert_eq!(
            written(CsvFormatter::new(), &sample::record(&row)),
            "transition,1970-01-01T00:00:00.000000000Z,0,1,ipv6,tcp,::,,,,,CLOSE,LISTEN,,,,,,,,,,,,,ebpf,,,\n"
        );
    }
}
