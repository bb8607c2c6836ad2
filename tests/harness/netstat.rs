//! Compares the text of rnetstat with that of net-tools' netstat, field by field.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::tracer;

/// How often both programs run until the sockets stay the same between two runs of netstat.
const TRIES: usize = 20;
/// The width of netstat's address column: the address and its port without the colon.
const SHOWN: usize = 22;

/// A command that runs rnetstat.
pub fn rnetstat(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(tracer::binary_named("rnetstat")?);
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Runs a command, which must succeed, and returns its stdout.
pub fn text(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The objects that rnetstat prints with `--json`. It must say nothing on stderr.
pub fn objects(arguments: &[&str]) -> Result<Vec<Value>> {
    let output = rnetstat(&[arguments, &["--json"]].concat())?.output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && stderr.is_empty(), "{arguments:?}: {}: {stderr}", output.status);
    let lines = str::from_utf8(&output.stdout)?.lines();
    lines.map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Runs netstat, rnetstat and netstat again, until both runs of netstat print the same lines. Then rnetstat must have
/// printed them too: each field the same, or a number between netstat's two.
pub fn matches_netstat(arguments: &[&str]) -> Result<()> {
    let netstat = || text(Command::new("netstat").args(arguments).env("LC_ALL", "C"));
    for _ in 0..TRIES {
        let (before, middle, after) = (netstat()?, text(&mut rnetstat(arguments)?)?, netstat()?);
        let [before, middle, after] = [&before, &middle, &after].map(|text| table(text));
        if is_same_shape(&before, &after) {
            return compare(&before, &middle, &after).with_context(|| format!("with {arguments:?}"));
        }
    }
    bail!("netstat {arguments:?} never printed the same lines twice")
}

/// The fields of a line. Parentheses and slashes separate fields too, as in timers and owners.
type Line = Vec<String>;

fn table(text: &str) -> Vec<Line> {
    let fields = |line: &str| {
        line.split(|c: char| c.is_whitespace() || "()/".contains(c))
            .filter(|field| !field.is_empty())
            .map(str::to_owned)
            .collect()
    };
    text.lines().map(fields).collect()
}

fn is_same_shape(before: &[Line], after: &[Line]) -> bool {
    let same_line = |(a, b): (&Line, &Line)| {
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| {
                a == b || (number(a).is_some() && number(b).is_some() && !is_timer_restarted(a, b))
            })
    };
    before.len() == after.len() && before.iter().zip(after).all(same_line)
}

/// Whether seconds have increased: the timer expired between the two runs, and may have been seen at its end.
fn is_timer_restarted(before: &str, after: &str) -> bool {
    before.contains('.') && number(before) < number(after)
}

fn compare(before: &[Line], rnetstat: &[Line], after: &[Line]) -> Result<()> {
    ensure!(
        rnetstat.len() == before.len(),
        "{} lines, netstat has {}: {rnetstat:#?}",
        rnetstat.len(),
        before.len()
    );
    for ((before, rnetstat), after) in before.iter().zip(rnetstat).zip(after) {
        let is_same = rnetstat.len() == before.len()
            && rnetstat
                .iter()
                .enumerate()
                .all(|(place, field)| is_field(&before[place], field, &after[place]));
        ensure!(is_same, "netstat: {before:?}\nours:    {rnetstat:?}\nnetstat: {after:?}");
    }
    Ok(())
}

fn is_field(before: &str, rnetstat: &str, after: &str) -> bool {
    let is_between = match (number(before), number(rnetstat), number(after)) {
        (Some(before), Some(rnetstat), Some(after)) => {
            before.min(after) <= rnetstat && rnetstat <= before.max(after)
        }
        _ => false,
    };
    rnetstat == before || rnetstat == after || is_between || is_cut(before, rnetstat)
}

fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// Whether netstat's field is a prefix of our address, with the same port: netstat truncates long addresses.
fn is_cut(netstat: &str, rnetstat: &str) -> bool {
    let (Some((cut, cut_port)), Some((whole, port))) = (netstat.rsplit_once(':'), rnetstat.rsplit_once(':'))
    else {
        return false;
    };
    netstat.len() == SHOWN + 1
        && whole.len() + port.len() > SHOWN
        && cut_port == port
        && whole.starts_with(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_with_an_expired_timer_in_between_are_not_comparable() {
        let same = |before: &str, after: &str| is_same_shape(&table(before), &table(after));
        assert!(same("tcp on (1.90/0/0)", "tcp on (1.80/0/0)") && same("10 segments", "12 segments"));
        assert!(!same("tcp on (0.01/0/0)", "tcp on (1.97/1/0)"));
    }

    #[test]
    fn only_a_number_between_netstat_s_two_and_a_truncated_address_may_differ() {
        for (before, rnetstat, after, expected) in [
            ("LISTEN", "LISTEN", "LISTEN", true),
            ("LISTEN", "CLOSE", "LISTEN", false),
            ("58.60", "58.55", "58.50", true),
            ("58.60", "58.70", "58.50", false),
            ("5", "5", "5", true),
            ("5", "6", "5", false),
            ("fd00:1234:5678:9a:43518", "fd00:1234:5678:9abc::1:43518", "fd00:1234:5678:9a:43518", true),
            ("fd00:1234:5678:9b:43518", "fd00:1234:5678:9abc::1:43518", "fd00:1234:5678:9b:43518", false),
            ("127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:80", false),
        ] {
            assert_eq!(is_field(before, rnetstat, after), expected, "{before} {rnetstat} {after}");
        }
    }
}
