//! Tests of Windows' command line: arguments and the options that result.

use clap::CommandFactory as _;

use super::*;
use crate::{
    model::{Family, State},
    netstat::{parse, windows::options::Transport},
};

fn parse_line(line: &str) -> Result<NetstatOptions, clap::Error> {
    parse(format!("rnetstat {line}").split_whitespace().map(str::to_owned), false, |_| Some("C".to_owned()))
}

fn sockets(line: &str) -> SocketOptions {
    match parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}")).mode {
        Mode::Sockets(sockets) => *sockets,
        mode => panic!("{line} became {mode:?}"),
    }
}

#[test]
fn the_definition_of_the_command_line_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn short_options_can_be_combined() {
    let options = sockets("-ano");
    assert!(options.all && options.numeric && options.owners && options.protocol.is_none());
    assert_eq!(sockets("-anp udpv6").protocol, Some((Transport::Udp, Family::Ipv6)));
    assert_eq!(parse_line("-nr").unwrap().mode, Mode::Routes);
}

#[test]
fn a_number_is_the_interval_in_seconds() {
    assert_eq!(parse_line("-an 5").unwrap().interval, Some(Duration::from_secs(5)));
    assert_eq!(parse_line("-an").unwrap().interval, None);
}

#[test]
fn statistics_can_be_of_one_protocol_and_combined_with_interface_counters() {
    for (line, interfaces, statistics, protocol) in [
        ("-s", false, true, None),
        ("-e", true, false, None),
        ("-es", true, true, None),
        ("-s -p ICMPv6", false, true, Some(Protocol::Icmpv6)),
    ] {
        let expected = CounterOptions { interfaces, statistics, protocol };
        assert_eq!(parse_line(line).unwrap().mode, Mode::Counters(expected), "{line}");
    }
}

#[test]
fn explain_accepts_any_spelling_of_a_state() {
    let mode = parse_line("explain FIN_WAIT_2 --lang ko").unwrap().mode;
    assert_eq!(mode, Mode::Explain { state: Some(State::FinWait2), language: Language::Korean });
}

#[test]
fn the_error_of_wrong_usage_names_the_argument() {
    for (line, named) in [
        ("-x", "'-x'"),
        ("-t", "'-t'"),
        ("-p sctp", "sctp"),
        ("-p icmp", "'-p ICMP' has no sockets"),
        ("-r -p tcp", "'-p'"),
        ("-rs", "'-r'"),
        ("-s --port 80", "filters"),
        ("-e --summary", "'--summary'"),
        ("-an 0", "'0'"),
        ("surplus", "surplus"),
        ("--user root", "doesn't tell users"),
        ("--port 0", "\"0\""),
    ] {
        let error = parse_line(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.to_string();
        assert!(text.starts_with("error: ") && text.contains(named), "{line}: {text}");
        assert_eq!(text.matches("error:").count(), 1, "{line}: {text}");
    }
}
