//! Kernel modules for a guest, with those that they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::packages::Kernel;
use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// Puts the modules, uncompressed, into `folder`; says their names in the order in which they load. What the
/// kernel has built in, or doesn't have, is left out.
pub fn stage(kernel: &Kernel, names: &[&str], folder: &Path) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let available = workspace::files_below(&kernel.modules())?;
    let mut staged = Vec::new();
    for name in names {
        add(name, &available, folder, &mut staged)?;
    }
    Ok(staged)
}

fn add(name: &str, available: &[PathBuf], folder: &Path, staged: &mut Vec<String>) -> Result<()> {
    if staged.iter().any(|done| done == name) {
        return Ok(());
    }
    let Some(file) = available.iter().find(|file| module_name(file) == Some(name.replace('-', "_"))) else {
        return Ok(());
    };
    let target = folder.join(format!("{name}.ko"));
    unpack(file, &target)?;
    let bytes = fs::read(&target)?;
    for needed in needed_by(&bytes) {
        add(&needed, available, folder, staged)?;
    }
    staged.push(name.to_owned());
    Ok(())
}

/// The name that the kernel gives to `net/veth-x.ko.xz`: `veth_x`.
fn module_name(file: &Path) -> Option<String> {
    let (name, _) = file.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

fn unpack(file: &Path, target: &Path) -> Result<()> {
    let program = match file.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => {
            return fs::copy(file, target)
                .map(drop)
                .with_context(|| format!("cannot copy {}", file.display()));
        }
    };
    let compressed = target.with_file_name(file.file_name().context("a module without a name")?);
    fs::copy(file, &compressed)?;
    run_quietly(Command::new(program).args(["-dqf"]).arg(&compressed))?;
    let _left_by_zstd = fs::remove_file(&compressed);
    let unpacked = compressed.with_extension("");
    if unpacked != target {
        fs::rename(&unpacked, target)?;
    }
    Ok(())
}

/// The names in the module's `depends=` (kernel/module, `.modinfo`).
fn needed_by(module: &[u8]) -> Vec<String> {
    let entry = module.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"depends="));
    let names = String::from_utf8_lossy(entry.unwrap_or_default()).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The shared libraries that a program needs, the loader included.
pub fn libraries(program: &Path) -> Vec<PathBuf> {
    // ldd fails for what is static.
    let text = stdout_of(Command::new("ldd").arg(program)).unwrap_or_default();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).filter(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Path, module_name, needed_by};

    #[test]
    fn a_module_is_named_as_the_kernel_names_it() {
        assert_eq!(module_name(Path::new("net/sch-netem.ko.xz")).as_deref(), Some("sch_netem"));
        assert_eq!(module_name(Path::new("modules.dep")), None);
    }

    #[test]
    fn what_a_module_needs_stands_in_it() {
        assert_eq!(needed_by(b"ELF\0license=GPL\0depends=inet_diag,tcp\0x=y\0"), ["inet_diag", "tcp"]);
        assert!(needed_by(b"depends=\0").is_empty());
    }
}
