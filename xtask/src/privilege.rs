//! How to get root: we have it, sudo gives it, or it can't be had.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The way to root.
pub enum Root {
    /// We are root.
    Already,
    /// This sudo may give it, perhaps after it has asked for a password.
    Sudo(PathBuf),
    /// Not root, and no sudo on `PATH`.
    OutOfReach,
}

impl Root {
    /// Looks for the way, without asking anybody.
    pub fn find() -> Self {
        if is_root() {
            return Self::Already;
        }
        which::which("sudo").map_or(Self::OutOfReach, Self::Sudo)
    }

    /// The same, but a sudo that would ask for a password is out of reach.
    pub fn find_without_password() -> Self {
        match Self::find() {
            Self::Sudo(sudo) if !gives_root_silently(&sudo) => Self::OutOfReach,
            way => way,
        }
    }
}

fn gives_root_silently(sudo: &PathBuf) -> bool {
    let mut ask = Command::new(sudo);
    ask.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Windows has no root, and nothing of ours needs an administrator there.
#[cfg(not(unix))]
fn is_root() -> bool {
    true
}
