//! A host that hides kernel addresses from root too. A program of its own, because it changes a setting of the whole
//! machine.

#![cfg(target_os = "linux")]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    output::Destination, scenario::TestNet, skip, state_path::wait_for_rows, tracer, tracer::Tracer,
};

const SETTING: &str = "/proc/sys/kernel/kptr_restrict";

#[test]
fn with_hidden_kernel_addresses_only_the_facts_that_need_them_are_missing() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mounts = HiddenAddresses::new()?;
    let net = TestNet::new()?;
    let mut command = tracer::command(&["--json", "--source", "ebpf"])?;
    command.args(["--addr", &net.addresses.server().ip().to_string()]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    net.netns.run(|| net.pair()?.client_closes())?;
    wait_for_rows(&tracer, &net, 12)?;
    let trace = tracer.stop()?;
    drop(mounts);

    let start = trace.events()?.start;
    let by_functions = start.hooks.iter().any(|hook| hook.kind == "fentry");
    let reported = start.missing.iter().any(|missing| {
        missing.what.contains("TIME_WAIT") && missing.why.contains("sysctl kernel.kptr_restrict=1")
    });
    ensure!(by_functions != reported, "functions need no addresses, timers do: {start:?}");
    let said = start.missing.iter().any(|missing| missing.why.contains("kptr_restrict"));
    ensure!(said == trace.stderr.contains("kptr_restrict"), "{}", trace.stderr);
    // The transitions of three sockets. The last of the client is shown only where TIME_WAIT can be observed.
    let rows = trace.rows()?;
    ensure!(rows.len() == 12, "{} rows: {}", rows.len(), trace.stdout);
    ensure!(rows.iter().any(|row| row.new_state == "TIME_WAIT") == by_functions, "{}", trace.stdout);
    Ok(())
}

/// Kernel addresses are hidden until this value is dropped.
struct HiddenAddresses(String);

impl HiddenAddresses {
    fn new() -> Result<Self> {
        let before = fs::read_to_string(SETTING).context(SETTING)?;
        fs::write(SETTING, "2").context(SETTING)?;
        Ok(Self(before))
    }
}

impl Drop for HiddenAddresses {
    fn drop(&mut self) {
        // The test must fail if it can't restore the setting.
        assert!(fs::write(SETTING, &self.0).is_ok(), "{SETTING} was {}", self.0);
    }
}
