//! Facts about the host and the user, from before any program is loaded.

use std::{fs, io, path::Path};

use rustix::{process::geteuid, thread::CapabilitySet};

use crate::{
    open_files, privilege,
    readers::memory_limit,
    source::ebpf::{kernel, memlock},
};

const BTF: &str = "/sys/kernel/btf/vmlinux";
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The facts that decide what can be seen. None where the kernel doesn't show it.
pub(super) struct Host {
    /// The kernel's release.
    pub kernel: String,
    /// The machine: `x86_64`.
    pub machine: String,
    /// Length of the kernel's BTF, bytes; or why it can't be read.
    pub btf: Result<u64, String>,
    pub user: u32,
    pub capabilities: CapabilitySet,
    /// The evidence that this process runs in a container; None without evidence.
    pub container: Option<String>,
    /// `none`, `integrity` or `confidentiality`.
    pub lockdown: Option<String>,
    pub kptr_restrict: Option<i32>,
    pub perf_event_paranoid: Option<i32>,
    pub unprivileged_bpf_disabled: Option<i32>,
    /// Its mount point; or why it can't be read.
    pub tracefs: Result<&'static str, String>,
    /// The limit on locked memory, bytes; None if there is none.
    pub memlock: Option<u64>,
    /// The limit of open files; None if there is none.
    pub open_files: Option<u64>,
    /// The limit of the memory, bytes; None if there is none.
    pub memory_limit: Option<u64>,
}

impl Host {
    pub(super) fn examine() -> Self {
        let (kernel, machine) = kernel();
        Self {
            kernel,
            machine,
            btf: btf(),
            user: geteuid().as_raw(),
            capabilities: privilege::effective(),
            container: container(),
            lockdown: fs::read_to_string("/sys/kernel/security/lockdown")
                .ok()
                .and_then(|text| word_in_brackets(&text)),
            kptr_restrict: sysctl("kptr_restrict"),
            perf_event_paranoid: sysctl("perf_event_paranoid"),
            unprivileged_bpf_disabled: sysctl("unprivileged_bpf_disabled"),
            tracefs: tracefs(),
            memlock: memlock::limit(),
            open_files: open_files::limit(),
            memory_limit: memory_limit::own(),
        }
    }

    /// The useful capabilities that this process has (`held`), or those that it lacks.
    pub(super) fn capability_names(&self, held: bool) -> Vec<&'static str> {
        let wanted = privilege::USEFUL.iter().filter(|(one, _)| self.capabilities.contains(*one) == held);
        wanted.map(|(_, name)| *name).collect()
    }
}

fn btf() -> Result<u64, String> {
    match fs::File::open(BTF).and_then(|file| file.metadata()) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("{BTF} doesn't exist")),
        Err(error) => Err(format!("{BTF}: {error}")),
    }
}

fn tracefs() -> Result<&'static str, String> {
    let mut why = "not mounted".to_owned();
    for root in TRACEFS {
        match fs::metadata(Path::new(root).join("events")) {
            Ok(_) => return Ok(root),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                why = "readable by root only".to_owned();
            }
            Err(_) => {}
        }
    }
    Err(why)
}

fn sysctl(name: &str) -> Option<i32> {
    fs::read_to_string(Path::new("/proc/sys/kernel").join(name)).ok()?.trim().parse().ok()
}

/// The word in brackets: `none [integrity] confidentiality`.
fn word_in_brackets(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// The evidence that this process runs in a container: a file that a container manager creates (docker, podman,
/// systemd-nspawn, lxc), or a PID namespace other than the host's.
fn container() -> Option<String> {
    for file in ["/.dockerenv", "/run/.containerenv"] {
        if Path::new(file).exists() {
            return Some(file.to_owned());
        }
    }
    if let Ok(text) = fs::read("/run/systemd/container") {
        return Some(manager(&text));
    }
    (!crate::source::ebpf::in_initial_pid_namespace()).then(|| "a PID namespace of its own".to_owned())
}

/// The container manager's name in its file. Another program wrote that: one harmless word of it is shown.
fn manager(text: &[u8]) -> String {
    let word: String = text
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .take(32)
        .map(|byte| char::from(*byte))
        .collect();
    if word.is_empty() { "/run/systemd/container".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_manager_s_name_may_be_any_bytes() {
        for (text, shown) in [
            (&b"lxc\n"[..], "lxc"),
            (b"l\xffxc\x1b", "lxc"),
            (b"", "/run/systemd/container"),
            (b"\xff\n", "/run/systemd/container"),
        ] {
            assert_eq!(manager(text), shown);
        }
    }

    #[test]
    fn the_lockdown_in_force_is_the_word_in_brackets() {
        assert_eq!(word_in_brackets("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(word_in_brackets("torn [inte"), None);
    }
}
