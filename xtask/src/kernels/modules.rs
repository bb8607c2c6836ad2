//! Kernel modules for a guest, with their dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::packages::Kernel;
use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// Unpacks the modules and their dependencies into `directory`, and returns their names in the order in which they must
/// be loaded. Modules that are built in, or that the kernel doesn't have, are left out.
pub fn stage(kernel: &Kernel, names: &[&str], directory: &Path) -> Result<Vec<String>> {
    fs::create_dir_all(directory)?;
    let available = workspace::files_below(&kernel.modules())?;
    let mut staged = Vec::new();
    for name in names {
        add(name, &available, directory, &mut staged)?;
    }
    Ok(staged)
}

fn add(name: &str, available: &[PathBuf], directory: &Path, staged: &mut Vec<String>) -> Result<()> {
    if staged.iter().any(|staged| staged == name) {
        return Ok(());
    }
    let Some(file) = available.iter().find(|file| module_name(file) == Some(name.replace('-', "_"))) else {
        return Ok(());
    };
    let target = directory.join(format!("{name}.ko"));
    unpack(file, &target)?;
    let bytes = fs::read(&target)?;
    for needed in dependencies(&bytes) {
        add(&needed, available, directory, staged)?;
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
    let _removed_by_xz = fs::remove_file(&compressed);
    let unpacked = compressed.with_extension("");
    if unpacked != target {
        fs::rename(&unpacked, target)?;
    }
    Ok(())
}

/// The names in the `depends=` entry of a module's `.modinfo` section (scripts/mod/modpost.c).
fn dependencies(module: &[u8]) -> Vec<String> {
    let entry = module.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"depends="));
    let names = String::from_utf8_lossy(entry.unwrap_or_default()).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The shared libraries of a program, including the dynamic loader.
pub fn libraries(program: &Path) -> Vec<PathBuf> {
    // ldd fails if the program is statically linked.
    let text = stdout_of(Command::new("ldd").arg(program)).unwrap_or_default();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).filter(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Path, dependencies, module_name};

    #[test]
    fn a_modules_name_has_underscores_and_no_extension() {
        assert_eq!(module_name(Path::new("net/sch-netem.ko.xz")).as_deref(), Some("sch_netem"));
        assert_eq!(module_name(Path::new("modules.dep")), None);
    }

    #[test]
    fn a_modules_dependencies_are_read_from_its_modinfo() {
        assert_eq!(dependencies(b"ELF\0license=GPL\0depends=inet_diag,tcp\0x=y\0"), ["inet_diag", "tcp"]);
        assert!(dependencies(b"depends=\0").is_empty());
    }
}
