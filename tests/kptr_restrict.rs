//! A host that hides addresses from root too. It stands alone because it changes a setting of the whole machine.

#![cfg(target_os = "linux")]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    output::Destination, scenario::Place, skip, story::wait_for_rows, tracer, tracer::Tracer,
};

const SETTING: &str = "/proc/sys/kernel/kptr_restrict";

#[test]
fn where_addresses_are_hidden_only_what_needs_them_is_missing() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let hidden = Hidden::new()?;
    let place = Place::new()?;
    let mut command = tracer::command(&["--json", "--source", "ebpf"])?;
    command.args(["--addr", &place.block.server().ip().to_string()]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    place.here.run(|| place.pair()?.client_closes())?;
    wait_for_rows(&tracer, &place, 12)?;
    let trace = tracer.stop()?;
    drop(hidden);

    let start = trace.events()?.start;
    let by_functions = start.hooks.iter().any(|hook| hook.kind == "fentry");
    let told = start.missing.iter().any(|missing| {
        missing.what.contains("TIME_WAIT") && missing.why.contains("sysctl kernel.kptr_restrict=1")
    });
    ensure!(by_functions != told, "functions need no addresses, timers do: {start:?}");
    ensure!(told == trace.stderr.contains("kptr_restrict"), "{}", trace.stderr);
    // Three lives, and where it is seen the client's in TIME_WAIT.
    let rows = trace.rows()?;
    ensure!(rows.len() == 12, "{} rows: {}", rows.len(), trace.stdout);
    ensure!(rows.iter().any(|row| row.new_state == "TIME_WAIT") == by_functions, "{}", trace.stdout);
    Ok(())
}

/// Addresses are hidden as long as this lives.
struct Hidden(String);

impl Hidden {
    fn new() -> Result<Self> {
        let before = fs::read_to_string(SETTING).context(SETTING)?;
        fs::write(SETTING, "2").context(SETTING)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A test that can't give the setting back has to say so.
        assert!(fs::write(SETTING, &self.0).is_ok(), "{SETTING} was {}", self.0);
    }
}
