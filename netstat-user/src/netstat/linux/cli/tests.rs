//! Command lines as netstat's users write them, and what becomes of them.

use clap::CommandFactory as _;

use super::*;
use crate::{model::State, netstat::parse};

fn parse_line(line: &str) -> Result<Request, clap::Error> {
    parse(format!("rnetstat {line}").split_whitespace().map(str::to_owned), false, |_| None)
}

fn sockets(line: &str) -> SocketsRequest {
    match parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}")).mode {
        Mode::Sockets(sockets) => *sockets,
        mode => panic!("{line} was taken for {mode:?}"),
    }
}

#[test]
fn the_command_line_is_free_of_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn letters_may_be_written_together_and_twice() {
    let request = parse_line("-antpp").unwrap();
    assert!(request.numeric.hosts && request.numeric.ports && request.numeric.users);
    let asked = sockets("-antpp");
    assert_eq!((asked.which, asked.tcp, asked.programs), (Which::All, true, true));
    assert!(!asked.udp && !asked.unix && !asked.raw && !asked.udplite);
    let asked = sockets("-tulpn");
    assert_eq!((asked.which, asked.tcp, asked.udp, asked.unix), (Which::Listening, true, true, false));
}

#[test]
fn what_is_not_named_means_everything_and_a_family_all_of_its_protocols() {
    let asked = sockets("");
    assert!(asked.tcp && asked.udp && asked.udplite && asked.raw && asked.unix);
    assert_eq!((asked.which, asked.families), (Which::Connected, Families { ipv4: true, ipv6: true }));
    let asked = sockets("-6");
    assert!(asked.tcp && asked.udp && asked.raw && !asked.unix);
    assert_eq!(asked.families, Families { ipv4: false, ipv6: true });
    let asked = sockets("-anx");
    assert!(asked.unix && !asked.tcp && !asked.udp);
}

#[test]
fn each_mode_has_its_letter() {
    assert_eq!(
        parse_line("-rn").unwrap().mode,
        Mode::Routes(RoutesRequest { families: Families { ipv4: true, ipv6: false }, extended: 0 })
    );
    assert_eq!(
        parse_line("-rn6ee").unwrap().mode,
        Mode::Routes(RoutesRequest { families: Families { ipv4: false, ipv6: true }, extended: 2 })
    );
    assert_eq!(parse_line("-ia").unwrap().mode, Mode::Interfaces(true));
    assert_eq!(
        parse_line("-st").unwrap().mode,
        Mode::Statistics(StatisticsRequest { ipv6: false, raw: false, tcp: true, udp: false })
    );
}

#[test]
fn explain_takes_any_spelling_of_a_state() {
    for (line, expected) in [
        ("explain", None),
        ("explain time-wait", Some(State::TimeWait)),
        ("explain FIN_WAIT_2", Some(State::FinWait2)),
        ("explain unknown", Some(State::Unknown)),
    ] {
        match parse_line(line).unwrap().mode {
            Mode::Explain { state, language } => assert_eq!((state, language), (expected, Language::English)),
            mode => panic!("{line} was taken for {mode:?}"),
        }
    }
}

#[test]
fn wrong_usage_names_what_is_wrong() {
    for (line, named) in [
        ("-y", "-y"),
        ("-ri", "'-r', '-i' and '-s'"),
        ("-r --port 80", "filters"),
        ("-i --summary", "--summary"),
        ("--port 0", "\"0\""),
        ("--state FOO", "FOO"),
        ("explain ESTABLISHING", "ESTABLISHING"),
        ("explain --lang fr", "fr"),
        ("surplus", "surplus"),
        ("--local ::1 --remote 10.0.0.1", "no connection can match both"),
    ] {
        let error = parse_line(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(named), "{line}: {error}");
    }
}
