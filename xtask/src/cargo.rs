//! The cargo that runs xtask, for builds of the host side.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// The package of the product's programs.
pub const PRODUCT: &str = "netstat-user";
/// The program that traces.
pub const TRACER: &str = "rnetstat-trace";
/// The environment variable for flags of rustc, separated as [`encoded_rustflags`] does.
pub const RUSTFLAGS_VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";

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

/// Builds the product's programs in release mode.
pub fn build_product() -> Result<Vec<Program>> {
    programs(release_build(command("build")?))
}

/// Builds the tracer in release mode and returns its path.
pub fn build_tracer() -> Result<PathBuf> {
    let tracer = build_product()?.into_iter().find(|program| program.name == TRACER);
    Ok(tracer.with_context(|| format!("cargo built no {TRACER}"))?.path)
}

/// Adds to `cargo build` the arguments that select the product's programs.
pub fn release_build(mut build: Command) -> Command {
    build.args(["--release", "--package", PRODUCT, "--bins"]);
    build
}

/// Runs a `cargo build` or `cargo test --no-run` and returns the programs that it built.
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

/// The value of [`RUSTFLAGS_VARIABLE`]: the flags with U+001F between them.
pub fn encoded_rustflags(flags: &[OsString]) -> OsString {
    flags.join("\x1f".as_ref())
}

/// The program that a message of cargo reports; None if it reports no program.
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
    fn an_artifact_with_an_executable_is_a_program() {
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
