//! How to run as root: we are root, sudo is available, or neither.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The means to run as root.
pub enum Root {
    /// We are root.
    Already,
    /// The path of sudo, which may ask for a password.
    Sudo(PathBuf),
    /// Not root, and no sudo on `PATH`.
    Unavailable,
}

impl Root {
    /// Finds the means. Runs nothing.
    pub fn find() -> Self {
        if is_root() {
            return Self::Already;
        }
        which::which("sudo").map_or(Self::Unavailable, Self::Sudo)
    }

    /// Like [`Self::find`], but a sudo that would ask for a password is unavailable.
    pub fn find_without_password() -> Self {
        match Self::find() {
            Self::Sudo(sudo) if !works_without_password(&sudo) => Self::Unavailable,
            root => root,
        }
    }
}

fn works_without_password(sudo: &Path) -> bool {
    let mut command = Command::new(sudo);
    command.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Windows has no root, and none of our programs needs an administrator there.
#[cfg(not(unix))]
fn is_root() -> bool {
    true
}
