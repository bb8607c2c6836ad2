//! `netstat-ebpf/object/netstat-ebpf.toml`: the sources and the toolchain that made the committed object.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};
use toml::Table;

use super::paths;

/// The versions of the programs that determine the object's bytes, as each program prints its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Versions {
    pub rustc: String,
    /// The LLVM that rustc was built with.
    pub llvm: String,
    pub bpf_linker: String,
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rustc, llvm, bpf_linker } = self;
        write!(f, "{rustc}, LLVM {llvm}, {bpf_linker}")
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub toolchain: Versions,
    /// SHA-256 in hexadecimal, see [`super::digest`].
    pub sources: String,
}

impl Record {
    pub fn read() -> Result<Self> {
        let path = paths::record()?;
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("cannot read {}: run `cargo xtask ebpf`", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}: run `cargo xtask ebpf`", path.display()))
    }

    pub fn write(&self) -> Result<()> {
        let path = paths::record()?;
        fs::write(&path, self.to_text()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse()?;
        let value = |key: &str| {
            let value = table.get(key).and_then(|value| value.as_str());
            value.map(str::to_owned).with_context(|| format!("no text under `{key}`"))
        };
        let toolchain =
            Versions { rustc: value("rustc")?, llvm: value("llvm")?, bpf_linker: value("bpf-linker")? };
        Ok(Self { toolchain, sources: value("sources-sha256")? })
    }

    fn to_text(&self) -> String {
        let Self { toolchain: Versions { rustc, llvm, bpf_linker }, sources } = self;
        let entries =
            [("rustc", rustc), ("llvm", llvm), ("bpf-linker", bpf_linker), ("sources-sha256", sources)];
        let mut text =
            "# Written by `cargo xtask ebpf`: what made netstat-ebpf.o, and from what.\n".to_owned();
        for (key, value) in entries {
            text += &format!("{key} = {}\n", toml::Value::from(value.as_str()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Versions};

    fn record() -> Record {
        let toolchain = Versions {
            rustc: "rustc 1.96.0 (built from \"a\" tarball)".into(),
            llvm: "22.1.8".into(),
            bpf_linker: "bpf-linker 0.13.0".into(),
        };
        Record { toolchain, sources: "ab12".into() }
    }

    #[test]
    fn a_written_record_parses_to_the_same_record() {
        assert_eq!(Record::parse(&record().to_text()).unwrap(), record());
    }

    #[test]
    fn a_record_without_a_digest_is_an_error_that_names_the_key() {
        let text = record().to_text().replace("sources-sha256", "sources");
        let error = Record::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), "no text under `sources-sha256`");
    }
}
