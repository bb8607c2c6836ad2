//! What the host and the user have, before anything is tried.

use std::{fs, io, path::Path};

use rustix::{process::geteuid, thread::CapabilitySet};

use crate::{
    privilege,
    source::ebpf::{kernel, memlock},
};

const BTF: &str = "/sys/kernel/btf/vmlinux";
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The facts on which it depends what can be seen. None is what the kernel doesn't tell.
pub(super) struct Host {
    /// The kernel's release.
    pub kernel: String,
    /// The kernel's machine, as `x86_64`.
    pub machine: String,
    /// Length of the kernel's BTF, bytes.
    pub btf: Result<u64, String>,
    pub user: u32,
    pub capabilities: CapabilitySet,
    /// By which mark it is known that this is a container.
    pub container: Option<String>,
    /// `none`, `integrity` or `confidentiality`.
    pub lockdown: Option<String>,
    pub kptr_restrict: Option<i32>,
    pub perf_event_paranoid: Option<i32>,
    pub unprivileged_bpf_disabled: Option<i32>,
    /// Where it is mounted and can be read.
    pub tracefs: Result<&'static str, String>,
    /// Bytes of memory that may be locked; None is no limit.
    pub memlock: Option<u64>,
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
            lockdown: fs::read_to_string("/sys/kernel/security/lockdown").ok().and_then(|text| chosen(&text)),
            kptr_restrict: sysctl("kptr_restrict"),
            perf_event_paranoid: sysctl("perf_event_paranoid"),
            unprivileged_bpf_disabled: sysctl("unprivileged_bpf_disabled"),
            tracefs: tracefs(),
            memlock: memlock::limit(),
        }
    }

    /// Of the capabilities that are of use here, those that are there, or those that are not.
    pub(super) fn capability_names(&self, there: bool) -> Vec<&'static str> {
        let wanted = privilege::OF_USE.iter().filter(|(one, _)| self.capabilities.contains(*one) == there);
        wanted.map(|(_, name)| *name).collect()
    }
}

fn btf() -> Result<u64, String> {
    match fs::File::open(BTF).and_then(|file| file.metadata()) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("there is no {BTF}")),
        Err(error) => Err(format!("{BTF}: {error}")),
    }
}

fn tracefs() -> Result<&'static str, String> {
    let mut why = "not mounted".to_owned();
    for root in TRACEFS {
        match fs::metadata(Path::new(root).join("events")) {
            Ok(_) => return Ok(root),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                why = "only root can read it".to_owned();
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
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// The marks that container managers leave (docker, podman, systemd-nspawn, lxc), or the root of a PID namespace
/// that is not the host's.
fn container() -> Option<String> {
    for mark in ["/.dockerenv", "/run/.containerenv"] {
        if Path::new(mark).exists() {
            return Some(mark.to_owned());
        }
    }
    if let Ok(manager) = fs::read_to_string("/run/systemd/container") {
        // It is somebody else's file: no more than a word of it.
        let word: String = manager.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        return Some(word);
    }
    (!crate::source::ebpf::in_initial_pid_namespace()).then(|| "a PID namespace of its own".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_lockdown_is_the_word_in_brackets() {
        assert_eq!(chosen("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(chosen("torn [inte"), None);
    }
}
