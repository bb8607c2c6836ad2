//! Tests of the table of hooks.

use std::collections::BTreeMap;

use super::{
    hook::{Condition, Need},
    *,
};
use crate::source::ebpf::object::OBJECT;

#[test]
fn the_table_has_every_program_of_the_object_with_its_kind_and_target() {
    let object = aya_obj::Object::parse(OBJECT).unwrap();
    let kind = |section: &aya_obj::ProgramSection| match section {
        aya_obj::ProgramSection::BtfTracePoint => "tp_btf",
        aya_obj::ProgramSection::FEntry { .. } => "fentry",
        aya_obj::ProgramSection::FExit { .. } => "fexit",
        aya_obj::ProgramSection::TracePoint => "tracepoint",
        aya_obj::ProgramSection::RawTracePoint => "raw_tp",
        aya_obj::ProgramSection::Iter { .. } => "iter",
        other => panic!("no hook is attached to {other:?}"),
    };
    let programs = object.programs.iter().map(|(name, program)| (name.as_str(), kind(&program.section)));
    let programs: BTreeMap<&str, &str> = programs.collect();
    let hooks: BTreeMap<&str, &str> = all().map(|hook| (hook.program, hook.kind.name())).collect();
    assert_eq!(hooks, programs);
    assert_eq!(all().count(), hooks.len(), "a program is in the table twice");
}

#[test]
fn a_renamed_function_is_replaced_by_the_hook_for_its_other_name() {
    let before_6_12 = |hook: &Hook| hook.target != "inet_twsk_hashdance_schedule";
    let chosen = MINISOCK_FUNCTIONS.choose(before_6_12, false).unwrap();
    assert_eq!(chosen[0].target, "inet_twsk_hashdance");
    let since_6_12 = |hook: &Hook| hook.target != "inet_twsk_hashdance";
    assert_eq!(
        MINISOCK_FUNCTIONS.choose(since_6_12, false).unwrap()[0].target,
        "inet_twsk_hashdance_schedule"
    );
}

#[test]
fn a_missing_function_is_named_with_its_other_name() {
    let (hook, why) =
        MINISOCK_FUNCTIONS.choose(|hook| !hook.target.contains("hashdance"), false).unwrap_err();
    assert_eq!(hook.target, "inet_twsk_hashdance_schedule");
    assert_eq!(why, "this kernel has no function inet_twsk_hashdance_schedule or inet_twsk_hashdance");
}

#[test]
fn the_third_state_program_is_attached_only_where_tasks_may_be_preempted_inside_programs() {
    assert_eq!(STATE.choose(|_| true, false).unwrap().len(), 2);
    assert_eq!(STATE.choose(|_| true, true).unwrap().len(), 3);
}

#[test]
fn every_optional_set_reports_a_fact_and_every_replacement_replaces_a_hook_of_its_set() {
    for set in sets() {
        assert_eq!(set.facts.is_empty(), set.need == Need::Rnetstat || set == &STATE_CLASSIC, "{set:?}");
        for hook in set.hooks {
            if let Condition::Without(program) = hook.condition {
                assert!(set.hooks.iter().any(|other| other.program == program), "{hook:?}");
            }
        }
    }
}

#[test]
fn only_the_programs_of_the_state_tracepoint_report_transitions() {
    let reporting: Vec<&str> =
        all().map(|hook| hook.program).filter(|name| reports_transitions(name)).collect();
    assert!(reporting.iter().all(|name| name.starts_with("inet_sock_set_state")), "{reporting:?}");
    assert_eq!(reporting.len(), 4);
}
