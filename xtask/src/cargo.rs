//! The cargo that started us, for builds of the host's side.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// A program that cargo built.
pub struct Program {
    /// The name of its target: `rnetstat-trace`.
    pub name: String,
    pub path: PathBuf,
}

/// `cargo <subcommand>` in the checkout.
pub fn command(subcommand: &str) -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()?).arg(subcommand);
    Ok(cargo)
}

/// Lets a `cargo build` or `cargo test --no-run` go, and says which programs came out.
pub fn programs(mut cargo: Command) -> Result<Vec<Program>> {
    cargo.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let output = cargo
        .spawn()
        .and_then(|child| child.wait_with_output())
        .with_context(|| format!("cannot run {}", cargo.get_program().display()))?;
    if !output.status.success() {
        bail!("the build failed, see above");
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(program).collect())
}

/// The program that one of cargo's messages announces.
fn program(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?.into();
    let name = message.pointer("/target/name")?.as_str()?.to_owned();
    Some(Program { name, path })
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn an_executable_artifact_is_a_program() {
        let message =
            r#"{"reason":"compiler-artifact","target":{"name":"stream"},"executable":"t/deps/stream-1"}"#;
        let program = program(message).unwrap();
        assert_eq!((program.name.as_str(), program.path.to_str()), ("stream", Some("t/deps/stream-1")));
    }

    #[test]
    fn libraries_and_other_messages_are_not_programs() {
        let library = r#"{"reason":"compiler-artifact","target":{"name":"wire"},"executable":null}"#;
        for message in [library, r#"{"reason":"build-finished","success":true}"#, "no JSON"] {
            assert!(program(message).is_none(), "{message}");
        }
    }
}
