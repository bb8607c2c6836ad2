//! Command lines and the options that they select.

use clap::CommandFactory as _;

use super::*;
use crate::{model::State, netstat::parse};

fn parse_line(line: &str) -> Result<NetstatOptions, clap::Error> {
    parse(format!("rnetstat {line}").split_whitespace().map(str::to_owned), false, |_| None)
}

fn sockets(line: &str) -> SocketOptions {
    match parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}")).mode {
        Mode::Sockets(sockets) => *sockets,
        mode => panic!("{line} was parsed as {mode:?}"),
    }
}

#[test]
fn clap_accepts_the_definition_of_the_command_line() {
    Cli::command().debug_assert();
}

#[test]
fn letters_may_be_combined_and_repeated() {
    let options = parse_line("-antpp").unwrap();
    assert!(options.numeric.hosts && options.numeric.ports && options.numeric.users);
    let options = sockets("-antpp");
    assert_eq!((options.roles, options.tcp, options.programs), (Roles::All, true, true));
    assert!(!options.udp && !options.unix && !options.raw && !options.udplite);
    let options = sockets("-tulpn");
    assert_eq!((options.roles, options.tcp, options.udp, options.unix), (Roles::Servers, true, true, false));
}

#[test]
fn no_protocol_selects_all_and_a_family_selects_all_of_its_protocols() {
    let options = sockets("");
    assert!(options.tcp && options.udp && options.udplite && options.raw && options.unix);
    assert_eq!((options.roles, options.families), (Roles::Connections, Families { ipv4: true, ipv6: true }));
    let options = sockets("-6");
    assert!(options.tcp && options.udp && options.raw && !options.unix);
    assert_eq!(options.families, Families { ipv4: false, ipv6: true });
    let options = sockets("-anx");
    assert!(options.unix && !options.tcp && !options.udp);
}

#[test]
fn each_mode_has_its_letter() {
    assert_eq!(
        parse_line("-rn").unwrap().mode,
        Mode::Routes(RouteOptions { families: Families { ipv4: true, ipv6: false }, extended: 0 })
    );
    assert_eq!(
        parse_line("-rn6ee").unwrap().mode,
        Mode::Routes(RouteOptions { families: Families { ipv4: false, ipv6: true }, extended: 2 })
    );
    assert_eq!(parse_line("-ia").unwrap().mode, Mode::Interfaces(true));
    assert_eq!(
        parse_line("-st").unwrap().mode,
        Mode::Statistics(StatisticsOptions { ipv6: false, raw: false, tcp: true, udp: false })
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
            mode => panic!("{line} was parsed as {mode:?}"),
        }
    }
}

#[test]
fn an_error_names_the_wrong_argument() {
    for (line, named) in [
        ("-y", "-y"),
        ("-ri", "'-r', '-i' and '-s'"),
        ("-r --port 80", "filters"),
        ("-i --summary", "--summary"),
        ("--port 0", "\"0\""),
        ("--state FOO", "FOO"),
        ("explain ESTABLISHING", "ESTABLISHING"),
        ("explain --lang fr", "\"fr\" is no language of explain: say en, ko or ja"),
        ("surplus", "surplus"),
        ("--local ::1 --remote 10.0.0.1", "no connection can match both"),
    ] {
        let error = parse_line(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(named), "{line}: {error}");
    }
}
