//! Tests with forged offsets and sizes: what can't be read is an error or a missing fact at the start, never a zero.

use super::*;
use crate::source::ebpf::hooks::{
    INDEPENDENT, MINISOCK_FUNCTIONS, MINISOCK_TIMERS, RESETS_SENT, SNAPSHOTS, STATE, SYN_ERRORS,
    SYN_RETRANSMITS, TIME_WAIT_BY_DROP,
};

const SINCE_6_11: Arguments = Arguments { accept: Some(2), send_reset: Some(3) };

/// All functions of a kernel that hides no address.
fn symbols() -> Symbols {
    let mut symbols = Symbols::default();
    symbols.callers[0].start = 0x1000;
    symbols
}

/// Every field is 64 bytes long and at a small offset, except for the one that `forged` replaces.
fn with_field(name: &str, path: &str, forged: Option<Field>) -> Result<KernelLayout> {
    let lookup = |of: &str, field: &str| {
        if (of, field) == (name, path) { forged } else { at(64, 64) }
    };
    layout(&lookup, SINCE_6_11, symbols(), true)
}

fn at(offset: u32, bytes: u32) -> Option<Field> {
    Some(Field { offset, bytes })
}

#[test]
fn what_can_t_be_told_of_an_end_is_a_missing_fact() {
    let lookup = |of: &str, field: &str| (of, field) == ("socket", "state");
    let lookup = |of: &str, field: &str| if lookup(of, field) { None } else { at(64, 64) };
    let arguments = Arguments { send_reset: Some(2), ..SINCE_6_11 };
    let layout = layout(&lookup, arguments, Symbols::default(), true).unwrap();
    let missing: Vec<&str> = layout.missing.iter().map(|missing| &*missing.what).collect();
    assert_eq!(
        missing,
        [
            "why connect() failed at once",
            "the cause of an RST that this host sends",
            "who ended a half-open connection, or one in FIN_WAIT2 after close()",
        ]
    );
    assert_eq!((layout.offsets.socket_state, layout.offsets.sk_err_soft), (Offsets::ABSENT, Offsets::ABSENT));
}

#[test]
fn a_packet_that_cannot_be_read_disables_only_the_reports_of_resets() {
    let layout = with_field("sk_buff", "network_header", None).unwrap();
    let error = layout.check(&RESETS_SENT).unwrap_err().to_string();
    assert!(error.contains("network_header"), "{error}");
    for set in [&SYN_RETRANSMITS, &SYN_ERRORS, &MINISOCK_FUNCTIONS] {
        layout.check(set).unwrap();
    }
}

#[test]
fn a_kernel_with_all_fields_has_no_missing_facts() {
    let layout = with_field("no_struct", "no_field", None).unwrap();
    assert_eq!(layout.missing, []);
    for set in [&STATE, &MINISOCK_FUNCTIONS, &MINISOCK_TIMERS, &TIME_WAIT_BY_DROP, &SNAPSHOTS, INDEPENDENT[0]]
    {
        layout.check(set).unwrap();
    }
}

#[test]
fn a_field_that_every_transition_needs_is_an_error_that_names_it() {
    for forged in [None, at(64, 1)] {
        let error = with_field("sock", "sk_err", forged).unwrap_err().to_string();
        assert!(
            error.contains("sk_err of struct sock") || error.contains("sk_err in struct sock"),
            "{error}"
        );
    }
}

#[test]
fn a_field_beyond_the_head_of_a_socket_disables_only_minisockets() {
    for (name, path, bytes) in [
        ("sock_common", "skc_cookie", 8),
        ("sock_common", "skc_v6_daddr", 16),
        ("sock_common", "skc_listener", 8),
        ("inet_timewait_sock", "tw_substate", 1),
    ] {
        let last = SOCK_HEAD_BYTES as u32 - bytes;
        with_field(name, path, at(last, 16)).unwrap().check(&MINISOCK_FUNCTIONS).unwrap();
        for beyond in [last + 1, 4096, u32::MAX - 1] {
            let layout = with_field(name, path, at(beyond, 16)).unwrap();
            for set in [&MINISOCK_FUNCTIONS, &MINISOCK_TIMERS, &TIME_WAIT_BY_DROP] {
                let error = layout.check(set).unwrap_err().to_string();
                assert!(error.contains(path), "{path} at {beyond}: {error}");
            }
            layout.check(&SNAPSHOTS).unwrap();
            layout.check(&STATE).unwrap();
        }
    }
}

#[test]
fn a_statistic_that_cannot_be_read_is_a_missing_fact() {
    for forged in [None, at(64, 2)] {
        let layout = with_field("tcp_sock", "srtt_us", forged).unwrap();
        assert_eq!(layout.offsets.bytes_acked, Offsets::ABSENT);
        let [Missing { what, why }] = &layout.missing[..] else { panic!("{:?}", layout.missing) };
        assert!(what.contains("round-trip") && why.contains("srtt_us"), "{what}: {why}");
    }
}

#[test]
fn a_cgroup_that_cannot_be_read_is_a_missing_fact() {
    for (name, path, reason) in
        [("sock", "sk_cgrp_data.cgroup", "before 5.15"), ("kernfs_node", "id", "kernfs_node")]
    {
        let layout = with_field(name, path, None).unwrap();
        assert_eq!(layout.offsets.sk_cgroup, Offsets::ABSENT);
        let [Missing { what, why }] = &layout.missing[..] else { panic!("{:?}", layout.missing) };
        assert!(what == "cgroups" && why.contains(reason), "{what}: {why}");
    }
}

#[test]
fn interfaces_and_mptcp_that_cannot_be_read_are_missing_facts_but_no_mptcp_is_none() {
    for (name, path, fact) in [
        ("net", "dev_index_head", "names of interfaces"),
        ("mptcp_sock", "conn_list", "owners and endpoints of MPTCP"),
    ] {
        let layout = with_field(name, path, None).unwrap();
        let [Missing { what, why }] = &layout.missing[..] else { panic!("{:?}", layout.missing) };
        assert!(what.starts_with(fact) && why.contains(path), "{what}: {why}");
    }
    assert_eq!(with_field("tcp_sock", "is_mptcp", None).unwrap().offsets.is_mptcp, Offsets::ABSENT);
    let lookup = |of: &str, _: &str| if of.starts_with("mptcp") { None } else { at(64, 16) };
    let layout = layout(&lookup, SINCE_6_11, symbols(), true).unwrap();
    assert_eq!((layout.missing, layout.offsets.is_mptcp), (vec![], Offsets::ABSENT));
}

#[test]
fn a_file_that_cannot_be_read_disables_only_the_snapshots() {
    let layout = with_field("file", "f_inode", at(32, 4)).unwrap();
    let error = layout.check(&SNAPSHOTS).unwrap_err().to_string();
    assert!(error.contains("f_inode"), "{error}");
    layout.check(&MINISOCK_FUNCTIONS).unwrap();
}

#[test]
fn an_accept_function_with_another_number_of_arguments_is_not_read() {
    let lookup = |_: &str, _: &str| at(64, 64);
    let with_arguments =
        |accept| layout(&lookup, Arguments { accept, ..SINCE_6_11 }, symbols(), true).unwrap();
    for (arguments, known) in [(Some(2), 2), (Some(4), 4), (Some(3), 0), (None, 0)] {
        assert_eq!(with_arguments(arguments).offsets.accept_arguments, known);
    }
    let error = with_arguments(Some(3)).check(INDEPENDENT[0]).unwrap_err().to_string();
    assert!(error.contains("3 arguments"), "{error}");
    with_arguments(Some(4)).check(INDEPENDENT[0]).unwrap();
}
