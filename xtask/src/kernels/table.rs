//! The README's table of kernels: the kinds of hooks on each and what isn't seen, written between two markers.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::packages::Kernel;
use crate::workspace;

const BEGIN: &str = "<!-- kernels: written by `cargo xtask kernels --write-readme` -->\n";
const END: &str = "<!-- kernels: end -->\n";

/// One kernel's row of the table.
pub struct Line(String);

impl Line {
    /// From the `start` events of a trace with the preferred hooks and of one with the timers' hooks.
    pub fn new(kernel: &Kernel, start: &Value, by_timers: Option<&Value>) -> Self {
        let name = match kernel.suite {
            // Its version changes every week, and the table should not.
            "sid" => "newest (Debian unstable)".to_owned(),
            suite => format!("{} (Debian {suite})", kernel.series()),
        };
        let kind = |name: &str| {
            let hooks = start["hooks"].as_array().into_iter().flatten();
            let mut hooks =
                hooks.filter(|hook| hook["name"].as_str().is_some_and(|hook| hook.starts_with(name)));
            hooks.next().and_then(|hook| hook["kind"].as_str()).map(str::to_owned)
        };
        let state = kind("inet_sock_set_state").unwrap_or_else(|| "–".to_owned());
        let minisocks = match (kind("inet_twsk_kill"), kind("timer_start")) {
            (Some(kind), _) => kind,
            (None, Some(_)) => "timers".to_owned(),
            (None, None) => "–".to_owned(),
        };
        let accept = kind("inet_csk_accept").unwrap_or_else(|| "scan".to_owned());
        let mut missing = missing_in(start);
        for one in by_timers.map(missing_in).unwrap_or_default() {
            if !missing.contains(&one) {
                missing.push(format!("by timers, {one}"));
            }
        }
        let differences = if missing.is_empty() { "none".to_owned() } else { missing.join("; ") };
        Self(format!("| {name} | {state} | {minisocks} | {accept} | {differences} |\n"))
    }
}

/// What the `start` event lists as missing, each with its reason.
fn missing_in(start: &Value) -> Vec<String> {
    let missing = start["missing"].as_array().into_iter().flatten();
    missing.map(|missing| format!("{}: {}", word(&missing["what"]), word(&missing["why"]))).collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Writes the table into the README, or with `check` compares it.
///
/// # Errors
/// The README lacks the markers; with `check`, its table is another.
pub fn write(lines: &[Line], check: bool) -> Result<()> {
    let path: PathBuf = workspace::root()?.join("README.md");
    let readme = fs::read_to_string(&path)?;
    let changed = replaced(&readme, lines)?;
    if check && changed != readme {
        bail!("the README's table of kernels is out of date: cargo xtask kernels --write-readme");
    }
    if changed != readme {
        fs::write(&path, changed)?;
    }
    Ok(())
}

fn replaced(readme: &str, lines: &[Line]) -> Result<String> {
    let (before, rest) = readme.split_once(BEGIN).context("the README has no table of kernels")?;
    let (_, after) = rest.split_once(END).context("the README's table of kernels has no end")?;
    let rows: String = lines.iter().map(|line| line.0.as_str()).collect();
    let head = "| kernel | transitions by | TIME_WAIT, half-open by | accept by | what is not seen, and why |\n\
                |---|---|---|---|---|\n";
    Ok(format!("{before}{BEGIN}{head}{rows}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let readme = format!("one\n{BEGIN}old\n{END}two\n");
        let line = Line("| 6.1 |\n".to_owned());
        let changed = replaced(&readme, &[line]).unwrap();
        assert!(changed.starts_with("one\n<!--") && changed.ends_with("-->\ntwo\n"), "{changed}");
        assert!(changed.contains("| 6.1 |") && !changed.contains("old"), "{changed}");
    }
}
