//! Runs other programs; a failure is an error that names the program.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Runs a program whose output goes to the terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        bail!("{} failed ({status}), see above", program.display());
    }
    Ok(())
}

/// Runs a program whose output is shown only if it fails.
#[cfg(target_os = "linux")]
pub fn run_quietly(command: &mut Command) -> Result<()> {
    stdout_of(command).map(drop)
}

/// Runs a program and returns its stdout. The error of a failure contains its stderr.
pub fn stdout_of(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&stdout_bytes_of(command)?).into_owned())
}

/// Like [`stdout_of`], for output that need not be text.
pub fn stdout_bytes_of(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {}", program.display(), output.status, stderr.trim());
    }
    Ok(output.stdout)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_failed_program_names_it_and_contains_its_stderr() {
        let error = stdout_of(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("sh failed") && error.contains('3') && error.ends_with("broken"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_does_not_exist_is_named_in_the_error() {
        let error = run(&mut Command::new("/no/such/program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot run /no/such/program");
    }
}
