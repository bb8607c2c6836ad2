//! Command lines, and the options that they are parsed to.

use super::*;
use crate::{
    filter::{FamilyFilter, Filter, Match},
    model::{Endpoint, Family},
    options::{DoctorOptions, MinisockHook, SourceChoice, StateHook},
};

fn parse_line(line: &str) -> Result<TraceCommand, clap::Error> {
    parse(format!("rnetstat-trace {line}").split_whitespace().map(str::to_owned), false, || None)
}

fn options(line: &str) -> TraceOptions {
    match parse_line(line) {
        Ok(TraceCommand::Trace(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> clap::Error {
    match parse_line(line) {
        Ok(command) => panic!("{line} was accepted as {command:?}"),
        Err(error) => error,
    }
}

#[test]
fn the_command_line_is_free_of_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn doctor_has_options_of_its_own() {
    let parsed = |line| parse_line(line).unwrap();
    assert_eq!(parsed("doctor"), TraceCommand::Doctor(DoctorOptions { json: false, color: false }));
    assert_eq!(
        parsed("doctor --json --color always"),
        TraceCommand::Doctor(DoctorOptions { json: true, color: true })
    );
    for line in ["doctor --port 80", "--port 80 doctor", "doctor again", "help"] {
        assert_eq!(error(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn without_arguments_everything_is_traced_for_people() {
    let expected = TraceOptions {
        format: Format::Line,
        color: false,
        existing: false,
        filter: Filter::default(),
        filter_may_change: false,
        duration: None,
        count: None,
        source: SourceChoice::Auto,
        poll_interval: Duration::from_secs(1),
        proc_root: "/proc".into(),
        verbose: false,
        ring_bytes: None,
        memory_limit: None,
        table_size: 1_000_000,
        reconcile_interval: Duration::from_secs(60),
        state_hook: StateHook::Auto,
        minisock_hook: MinisockHook::Auto,
    };
    assert_eq!(options(""), expected);
}

#[test]
fn a_format_is_selected_by_name_or_by_its_short_form() {
    for (line, format) in [
        ("--format line", Format::Line),
        ("--format json", Format::Json),
        ("--json", Format::Json),
        ("--json --format json", Format::Json),
        ("--format csv", Format::Csv),
    ] {
        assert_eq!(options(line).format, format, "{line}");
    }
}

#[test]
fn colours_follow_the_option_and_by_default_the_terminal() {
    for (line, terminal, expected) in [
        ("--color=auto", true, true),
        ("--color=auto", false, false),
        ("--color=never", true, false),
        ("--color=always", false, true),
    ] {
        let TraceCommand::Trace(options) = parse(["rnetstat-trace", line], terminal, || None).unwrap() else {
            panic!("{line}")
        };
        assert_eq!(options.color, expected, "{line} {terminal}");
    }
}

#[test]
fn limits_sizes_and_hidden_options_are_parsed() {
    let options = options(
        "-d 1m30s -n 5 --existing --source ebpf -v --ring-size 4K --table-size 100 --state-hook tp_btf \
         --life-hook timer --reconcile-interval 500ms",
    );
    assert_eq!(options.duration, Some(Duration::from_secs(90)));
    assert_eq!(options.count, Some(5));
    assert_eq!(options.source, SourceChoice::Ebpf);
    assert!(options.verbose);
    assert!(options.existing);
    assert_eq!(options.ring_bytes, Some(4096));
    assert_eq!(options.table_size, 100);
    assert_eq!(options.reconcile_interval, Duration::from_millis(500));
    assert_eq!(options.state_hook, StateHook::TpBtf);
    assert_eq!(options.minisock_hook, MinisockHook::Timer);
}

#[test]
fn where_memory_is_limited_the_table_is_smaller_unless_its_size_is_given() {
    let size = |line: &str| {
        let arguments = format!("rnetstat-trace {line}");
        match parse(arguments.split_whitespace().map(str::to_owned), false, || Some(48 << 20)) {
            Ok(TraceCommand::Trace(options)) => options.table_size,
            other => panic!("{line}: {other:?}"),
        }
    };
    assert!((50_000..1_000_000).contains(&size("")));
    assert_eq!(size("--table-size 1000000"), 1_000_000);
}

#[test]
fn the_memory_limit_is_read_for_a_trace_only() {
    for (line, expected) in
        [("", 1), ("-n 5", 1), ("--help", 0), ("--version", 0), ("--wrong", 0), ("doctor", 0)]
    {
        let mut reads = 0;
        let arguments = format!("rnetstat-trace {line}");
        let _parsed = parse(arguments.split_whitespace().map(str::to_owned), false, || {
            reads += 1;
            None
        });
        assert_eq!(reads, expected, "{line}");
    }
}

#[test]
fn filters_can_be_listed_and_repeated() {
    let once = options("-L 80,443 -D 8000-8999 --addr 10.0.0.0/8,::1 -s SYN_SENT,listening").filter;
    let repeated =
        options("-L 443 -L 80 -D 8000-8999 --addr 10.0.0.0/8 --addr ::1 -s listen -s syn-sent").filter;
    assert_eq!(once, repeated);
    let web = Endpoint { addr: "10.0.0.5".parse().unwrap(), port: 443 };
    let client = Endpoint { addr: "192.0.2.1".parse().unwrap(), port: 8123 };
    assert_eq!(once.matches_tuple(Family::Ipv4, web, Some(client)), Match::Yes);
    assert_eq!(once.matches_tuple(Family::Ipv4, client, Some(web)), Match::No);
}

#[cfg(target_os = "linux")]
#[test]
fn owners_and_namespaces_can_be_listed_and_repeated() {
    let once =
        options("-p 812,813 --comm nginx --comm curl,nginx -u root,33 --netns 4026531840,4026532000").filter;
    let repeated = options(
        "-p 812 --pid 813 --comm nginx --comm curl,nginx -u 0 --user 33 --netns 4026531840 --netns 4026532000",
    )
    .filter;
    assert_eq!(once, repeated);
    assert_ne!(once, Filter::default());
}

#[test]
fn one_family_is_selected_by_its_number() {
    assert_eq!(options("-4").filter.family, FamilyFilter(Some(Family::Ipv4)));
    assert_eq!(options("-6").filter.family, FamilyFilter(Some(Family::Ipv6)));
}

#[cfg(target_os = "linux")]
const WRONG_HERE: [(&str, &str); 3] = [
    ("-u no-such-user", "'no-such-user' for '--user <NAME|UID>': there is no user \"no-such-user\""),
    ("--netns no-such-netns", "there is no network namespace \"no-such-netns\""),
    ("--cgroup /no/such/cgroup", "\"/no/such/cgroup\""),
];
#[cfg(not(target_os = "linux"))]
const WRONG_HERE: [(&str, &str); 3] = [
    ("-u root", "doesn't tell users"),
    ("--netns 4026531840", "only Linux has network namespaces"),
    ("--cgroup /", "only Linux has cgroups"),
];

#[test]
fn wrong_usage_exits_with_2_and_an_error_that_names_what_is_wrong() {
    for (line, named) in [
        ("--port 70000", "'70000' for '--port <PORT>': \"70000\" is no port"),
        ("-L 0", "\"0\" is no port"),
        ("-D 80-79", "did you mean 79-80?"),
        ("--port 80,,443", "\"\" is no port"),
        ("--port abc", "\"abc\" is no port"),
        ("-s FOO", "\"FOO\" is no TCP state; the states are"),
        ("--addr 10.0.0.0/33", "\"33\" is no prefix length"),
        ("--remote example.com", "\"example.com\" is no IP address"),
        ("-d abc", "\"abc\" is no duration"),
        ("-d 0", "longer than 0"),
        ("-n 0", "'0' for '--count <N>': \"0\" is no number of rows: say one from 1 on"),
        ("-n inf", "\"inf\" is no number of rows: say one from 1 on"),
        ("-n -5", "\"-5\" is no number of rows"),
        ("-d -5s", "\"-5s\" is too short"),
        ("--interval inf", "\"inf\" is no duration"),
        ("--interval -1", "\"-1\" is too short"),
        ("--port -1", "'-1' for '--port <PORT>': \"\" is no port: say a number"),
        ("--color mauve", "\"mauve\" is no choice of colours: say auto, always or never"),
        ("-4 -6", "'-4' cannot be used with '-6'"),
        ("-4 --addr ::1/128", "no connection can match both '-4' and '--addr ::1'"),
        ("--json --format csv", "contradict"),
        ("--format xml", "'xml' for '--format <line|json|csv>': \"xml\" is no format: say line, json or csv"),
        ("--source kprobes", "\"kprobes\" is no source: say auto, ebpf, proc or windows"),
        ("--ring-size 5000", "\"5000\" is no ring size"),
        ("--ring-size -1", "\"-1\" is no ring size"),
        ("--table-size 0", "\"0\" is no number of connections"),
        (
            "--table-size 63K",
            "'63K' for '--table-size <N>': \"63K\" is no number of connections: say one from 1 on",
        ),
        ("-p abc", "'abc' for '--pid <PID>': \"abc\" is no process id"),
        ("-p 0", "\"0\" is no process id"),
        ("--comm a,,b", "\"\" is no process name"),
        ("--life-hook magic", "\"magic\" is no kind of hooks: say auto, fentry or timer"),
        ("--frobnicate", "unexpected argument '--frobnicate'"),
        ("extra", "unrecognized subcommand 'extra'"),
    ]
    .into_iter()
    .chain(WRONG_HERE)
    {
        let error = error(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.to_string();
        assert!(text.starts_with("error: ") && text.contains(named), "{line}: {text}");
        assert_eq!(text.matches("error:").count(), 1, "{line}: {text}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for line in ["--help", "-h", "--version", "-V"] {
        assert_eq!(error(line).exit_code(), 0, "{line}");
    }
    assert!(error("--help").to_string().contains("Examples:"));
    assert!(!error("--help").to_string().contains("hook"));
    assert_eq!(error("-V").to_string(), concat!("rnetstat-trace ", env!("CARGO_PKG_VERSION"), "\n"));
}
