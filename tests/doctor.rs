//! `doctor` reports what a trace then does.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{mounts, privilege::BinaryCopy, skip, tracer, tracer::Tracer};
use serde_json::Value;

#[test]
fn the_doctor_reports_the_probes_that_a_trace_attaches() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (code, report) = examined(&mut tracer::command(&["doctor", "--json"])?)?;
    ensure!(code == Some(0) && report["source"] == "ebpf" && report["error"].is_null(), "{report:#}");
    let start = Tracer::spawn(&mut tracer::command(&["--json"])?, netstat_tests::output::Destination::Pipe)?
        .started()?
        .stop()?
        .events()?
        .start;
    let attached: Vec<(&str, &str)> = list(&report, "probes")?
        .iter()
        .filter(|probe| probe["result"] == "attached")
        .filter_map(|probe| Some((probe["name"].as_str()?, probe["kind"].as_str()?)))
        .collect();
    let hooks: Vec<(&str, &str)> = start.hooks.iter().map(|hook| (&*hook.name, &*hook.kind)).collect();
    ensure!(attached == hooks, "{attached:?}, but a trace starts with {hooks:?}");
    let missing: Vec<&str> =
        list(&report, "missing")?.iter().filter_map(|missing| missing["what"].as_str()).collect();
    let not_seen: Vec<&str> = start.missing.iter().map(|missing| &*missing.what).collect();
    ensure!(missing == not_seen, "{missing:?}, but a trace misses {not_seen:?}");
    for probe in list(&report, "probes")? {
        ensure!(probe["why"].is_null() == (probe["result"] != "refused"), "{probe}");
    }
    Ok(())
}

#[test]
fn without_privileges_the_doctor_says_what_to_do_and_exits_with_1() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let copy = BinaryCopy::new(None)?;
    let (code, report) = examined(&mut copy.as_nobody(&["doctor", "--json"]))?;
    ensure!(code == Some(1) && report["source"] == "proc" && report["error"].is_string(), "{report:#}");
    ensure!(list(&report, "capabilities")?.is_empty(), "{report:#}");
    let output = copy.as_nobody(&["doctor"]).output()?;
    let text = text(&output)?;
    ensure!(output.status.code() == Some(1), "{text}");
    for word in ["can't be seen", "sudo rnetstat-trace", "setcap", "CAP_BPF", "Operation not permitted"] {
        ensure!(text.contains(word), "no {word:?} in {text}");
    }
    Ok(())
}

#[test]
fn the_text_fits_in_100_columns_and_has_colours_only_on_request() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let plain = text(&tracer::command(&["doctor"])?.output()?)?;
    let long = plain.lines().find(|line| line.chars().count() > 100);
    ensure!(long.is_none(), "{long:?}");
    ensure!(!plain.contains('\x1b'), "{plain}");
    for word in ["inet_sock_set_state", "task_file", "ring buffer", "kptr_restrict", "locked memory"] {
        ensure!(plain.contains(word), "no {word:?} in {plain}");
    }
    let coloured = text(&tracer::command(&["doctor", "--color", "always"])?.output()?)?;
    ensure!(coloured.contains('\x1b'), "{coloured}");
    Ok(())
}

#[test]
fn without_btf_the_doctor_reports_the_classic_tracepoint() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = tracer::command(&["doctor", "--json"])?;
    mounts::hide(&mut command, &[c"/sys/kernel/btf"]);
    let (code, report) = examined(&mut command)?;
    ensure!(code == Some(0) && report["btf_bytes"].is_null(), "{report:#}");
    let probes = list(&report, "probes")?;
    let classic = probes.iter().find(|probe| probe["kind"] == "tracepoint").context("no tracepoint")?;
    ensure!(classic["result"] == "attached", "{classic}");
    let advice = list(&report, "advice")?;
    ensure!(
        advice.iter().any(|advice| advice.as_str().is_some_and(|text| text.contains("BTF"))),
        "{advice:?}"
    );
    Ok(())
}

fn examined(command: &mut Command) -> Result<(Option<i32>, Value)> {
    let output = command.output().context("running rnetstat-trace doctor")?;
    let text = text(&output)?;
    ensure!(text.lines().count() == 1, "not one line: {text}");
    Ok((output.status.code(), serde_json::from_str(&text)?))
}

fn text(output: &Output) -> Result<String> {
    ensure!(output.stderr.is_empty(), "on stderr: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout.clone())?)
}

fn list<'a>(report: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    report[name].as_array().with_context(|| format!("no list {name} in {report:#}"))
}
