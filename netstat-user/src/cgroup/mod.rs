//! Finds a cgroup's path by its id, on systems that have cgroups.

#[cfg(not(target_os = "linux"))]
mod absent;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use absent::Paths;
#[cfg(target_os = "linux")]
pub use linux::{PRIVILEGES, Paths, mount_point};
