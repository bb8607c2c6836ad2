//! The stream for people, and names that must not disturb it.

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::{
    format::{
        escape::HOSTILE_NAMES,
        sample::{self, bare, closed, loss, named, owner, transition},
    },
    model::{CloseReason, InterfaceName, OwnerHow, RowKind, State},
};

fn written(record: &Record<'_>, color: bool) -> String {
    let mut out = Vec::new();
    LineFormatter::in_zone(color, TimeZone::UTC).write(record, &mut out);
    String::from_utf8(out).unwrap()
}

fn plain(row: &Row) -> String {
    written(&sample::record(row), false)
}

/// The column of the text on the screen.
fn column_of(text: &str, line: &str) -> usize {
    let place = line.find(text).unwrap_or_else(|| panic!("no {text:?} in {line:?}"));
    line[..place].width()
}

fn established(local: &str, remote: &str) -> Row {
    transition(local, remote, Direction::Outbound, State::SynSent, State::Established)
}

#[test]
fn the_rows_of_a_stream_are_aligned_in_columns() {
    let client = ["10.0.0.5:45012", "93.184.216.34:443"];
    let from = |old, new, state_ns| Row {
        state_ns,
        ..transition(client[0], client[1], Direction::Outbound, old, new)
    };
    let nginx = Some(owner(b"nginx", 812));
    let listener = Row {
        remote: None,
        direction: Some(Direction::Listen),
        owner: nginx,
        ..transition("0.0.0.0:80", client[1], Direction::Listen, State::Close, State::Listen)
    };
    let rows = [
        Row { state_ns: None, ..listener },
        from(State::Close, State::SynSent, None),
        from(State::SynSent, State::Established, Some(22_100_000)),
        from(State::Established, State::FinWait1, Some(2_360_000_000)),
        closed(),
        Row {
            owner: nginx,
            state_ns: Some(64_000_000_000),
            close_reason: Some(CloseReason::ResetReceived),
            ..transition(
                "10.0.0.5:80",
                "203.0.113.9:51514",
                Direction::Inbound,
                State::Established,
                State::Close,
            )
        },
        bare(),
    ];
    let stream: String = rows.iter().map(plain).collect();
    let expected = "\
22:13:20.123 nginx 812              0.0.0.0:80   (listening)        CLOSE → LISTEN
22:13:20.123 curl 2876          10.0.0.5:45012 → 93.184.216.34:443  CLOSE → SYN_SENT
22:13:20.123 curl 2876          10.0.0.5:45012 → 93.184.216.34:443  SYN_SENT → ESTABLISHED   22.1 ms
22:13:20.123 curl 2876          10.0.0.5:45012 → 93.184.216.34:443  ESTABLISHED → FIN_WAIT1   2.36 s
22:13:20.123 curl 2876          10.0.0.5:45012 → 93.184.216.34:443  FIN_WAIT2 → TIME_WAIT     200 µs  \
closed here first · 1.2 kB out, 48 kB in, rtt 21.0 ms, 3 retransmits
22:13:20.123 nginx 812             10.0.0.5:80 ← 203.0.113.9:51514  ESTABLISHED → CLOSE     1 m 04 s  \
reset by peer
00:00:00.000 -                          [::]:? – ?                  CLOSE → LISTEN
";
    assert_eq!(stream, expected);
}

#[test]
fn a_row_of_ipv4_fits_in_100_columns() {
    let row = Row {
        owner: Some(owner(b"systemd-resolve", 12_345)),
        ..established("192.168.10.23:45012", "192.168.10.2:443")
    };
    let line = plain(&row);
    assert!(line.trim_end().width() <= 100, "{line}");
    assert!(line.contains("systemd-… 12345"), "{line}");
}

#[test]
fn a_long_address_shifts_what_follows_it_only_as_far_as_it_needs() {
    let short = plain(&established("[::1]:45012", "[::1]:443"));
    assert_eq!(column_of("SYN_SENT", &short), STATES);
    let fits = plain(&established("10.0.0.5:45012", "[2001:db8::77:1]:443"));
    assert_eq!(column_of("SYN_SENT", &fits), 70);
    let long =
        plain(&established("[2001:db8:85a3::8a2e:370:7334]:45012", "[2001:db8:85a3::8a2e:370:7335]:443"));
    assert!(long.contains("]:443 SYN_SENT → ESTABLISHED 200 µs\n"), "{long}");
}

#[test]
fn a_link_local_address_has_its_interface() {
    let on = |interface: &[u8], local, remote| {
        plain(&Row { interface: InterfaceName::new(interface), ..established(local, remote) })
    };
    let both = on(b"eth0", "[fe80::1]:45012", "[fe80::2]:443");
    assert!(both.contains("[fe80::1%eth0]:45012 → [fe80::2%eth0]:443 "), "{both}");
    let hostile = on(b"a\x1b\xff", "[fe80::1]:45012", "[fe80::2]:443");
    assert!(hostile.contains("[fe80::1%a\\x1b\\xff]:45012"), "{hostile}");
    let bound = on(b"eth0", "[2001:db8::1]:45012", "[2001:db8::2]:443");
    assert!(!bound.contains('%'), "{bound}");
}

#[test]
fn an_existing_connection_shows_only_its_state() {
    let row = Row {
        kind: RowKind::Existing,
        old_state: None,
        state_ns: None,
        ..established("10.0.0.5:45012", "93.184.216.34:443")
    };
    let line = plain(&row);
    assert!(line.ends_with(":443  · ESTABLISHED\n"), "{line}");
    assert_eq!(column_of("· ESTAB", &line), STATES);
}

#[test]
fn a_repaired_row_is_marked_as_inferred() {
    let row = Row { kind: RowKind::Repaired, ..established("10.0.0.5:45012", "93.184.216.34:443") };
    assert!(plain(&row).ends_with("  (inferred)\n"), "{}", plain(&row));
}

#[test]
fn the_owner_of_a_listener_is_in_parentheses() {
    let with = |owner| plain(&Row { owner: Some(owner), ..closed() });
    let listener = |comm, pid| Owner { how: OwnerHow::Listener, ..owner(comm, pid) };
    assert!(with(owner(b"nginx", 812)).contains(".123 nginx 812  "));
    assert!(with(listener(b"nginx", 812)).contains(".123 (nginx 812)  "));
    let long = with(listener(b"systemd-resolve", 12_345));
    assert!(long.contains(".123 (system… 12345) "), "{long}");
    assert_eq!(column_of("FIN_WAIT2", &long), STATES);
}

#[test]
fn wide_characters_do_not_shift_the_columns() {
    let line = plain(&named("웹서버".as_bytes()));
    assert_eq!(column_of("FIN_WAIT2", &line), STATES);
    assert_eq!(column_of("→ 93.", &line), LOCAL_END + 1);
}

#[test]
fn hostile_names_harm_neither_the_terminal_nor_the_columns() {
    for (bytes, _) in HOSTILE_NAMES {
        let line = plain(&named(bytes));
        assert_eq!(line.chars().filter(|c| c.is_control()).count(), 1, "{line:?}");
        assert!(line.ends_with('\n'));
        assert_eq!(column_of("FIN_WAIT2", &line), STATES, "{line:?}");
    }
}

#[test]
fn an_unknown_process_is_a_dash_and_the_columns_stay() {
    let known = plain(&closed());
    let unknown = plain(&Row { owner: None, ..closed() });
    assert_eq!(column_of("200 µs", &unknown), column_of("200 µs", &known));
    assert!(unknown.contains(".123 -  "), "{unknown}");
}

#[test]
fn an_unknown_local_port_is_a_question_mark() {
    let mut row = closed();
    row.local.port = 0;
    assert!(plain(&row).contains("10.0.0.5:? → "));
}

#[test]
fn a_loss_is_a_line_of_the_stream() {
    assert_eq!(
        written(&Record::Lost(&loss()), false),
        "22:13:20.123 … 123 transitions lost: ring buffer full\n"
    );
    let one = Loss { count: 1, place: LossPlace::Output, ..loss() };
    assert!(written(&Record::Lost(&one), false).contains("… 1 transition lost: output not read fast enough"));
    assert!(written(&Record::Lost(&one), true).contains("\x1b[1m\x1b[31m… 1 transition lost"));
}

#[test]
fn without_colors_there_is_no_escape_sequence() {
    for row in [closed(), bare()] {
        assert!(!plain(&row).contains('\x1b'));
    }
}

#[test]
fn colors_change_only_the_style() {
    for (row, colored) in [
        (established("10.0.0.5:1", "10.0.0.6:2"), "\x1b[32mESTABLISHED\x1b[0m"),
        (
            Row { close_reason: Some(CloseReason::Timeout), ..closed() },
            "\x1b[1m\x1b[31mtimed out\x1b[0m\x1b[2m · \x1b[0m\x1b[2m1.2 kB out",
        ),
        (Row { close_reason: Some(CloseReason::Refused), ..closed() }, "\x1b[31mTIME_WAIT"),
        (closed(), "\x1b[2mclosed here first"),
        (Row { kind: RowKind::Repaired, ..established("10.0.0.5:1", "10.0.0.6:2") }, "\x1b[2m(inferred)"),
        (
            Row { owner: Some(Owner { how: OwnerHow::Listener, ..owner(b"sshd", 7) }), ..closed() },
            "\x1b[2m(sshd 7)",
        ),
        (bare(), "\x1b[34mLISTEN\x1b[0m"),
    ] {
        let line = written(&sample::record(&row), true);
        assert!(line.contains(colored), "{line:?}");
        assert_eq!(anstream::adapter::strip_str(&line).to_string(), plain(&row));
    }
}
