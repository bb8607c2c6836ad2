//! The digest of everything in the checkout that determines the object's bytes.
//!
//! It covers the sources and the manifest of netstat-ebpf, the release profile, and the versions of the packages that
//! are compiled in. [`super::record`] keeps it together with the versions of the toolchain.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::paths::PACKAGE;
use crate::workspace;

/// SHA-256 in hexadecimal.
pub fn of_sources() -> Result<String> {
    let root = workspace::root()?;
    let package = root.join(PACKAGE);
    let mut files = workspace::files_below(&package.join("src"))?;
    files.push(package.join("Cargo.toml"));

    let mut digest = Sha256::new();
    for file in files {
        let name = file.strip_prefix(&root)?.to_str().context("the name of a source file is not UTF-8")?;
        add(&mut digest, &name.replace('\\', "/"), &read(&file)?);
    }
    let manifest = table(&root.join("Cargo.toml"))?;
    let profile = manifest.get("profile").and_then(|profiles| profiles.get("release"));
    add(&mut digest, "profile", &profile.map(Value::to_string).unwrap_or_default());
    let packages = compiled_in(&table(&root.join("Cargo.lock"))?);
    add(&mut digest, "packages", &packages.join("\n"));
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds a part with its name and length, so that different sequences of parts never give the same bytes.
fn add(digest: &mut Sha256, name: &str, content: &str) {
    digest.update(format!("{name} {}\n", content.len()));
    digest.update(content);
}

/// The packages whose code is compiled into the object, as `name version`, in the order of the lock file.
fn compiled_in(lock: &Table) -> Vec<String> {
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    let named = packages.filter_map(Value::as_table).map(|package| {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{} {}", text("name"), text("version"))
    });
    named.filter(|name| name.starts_with("aya-ebpf") || name.starts_with("aya-log-")).collect()
}

fn table(path: &Path) -> Result<Table> {
    read(path)?.parse().with_context(|| format!("cannot parse {}", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::compiled_in;

    #[test]
    fn only_packages_that_are_compiled_into_the_object_count() {
        let lock = r#"
            [[package]]
            name = "aya"
            version = "0.14.0"
            [[package]]
            name = "aya-ebpf"
            version = "0.2.1"
            [[package]]
            name = "aya-log"
            version = "0.3.0"
            [[package]]
            name = "aya-log-ebpf"
            version = "0.2.0"
            [[package]]
            name = "clap"
            version = "4.5.0"
        "#;
        assert_eq!(compiled_in(&lock.parse().unwrap()), ["aya-ebpf 0.2.1", "aya-log-ebpf 0.2.0"]);
    }
}
