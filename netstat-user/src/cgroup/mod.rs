//! From a cgroup's id to its path, where the system has cgroups.

#[cfg(not(target_os = "linux"))]
mod absent;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use absent::Paths;
#[cfg(target_os = "linux")]
pub use linux::{PRIVILEGES, Paths, mount_point};
