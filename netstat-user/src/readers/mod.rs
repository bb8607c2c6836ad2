//! Shared readers of what the operating system shows: both programs, and every source, build on them.

#[cfg(target_os = "linux")]
pub mod errors;
#[cfg(target_os = "linux")]
pub mod kernel_version;
#[cfg(target_os = "linux")]
pub mod memory_limit;
#[cfg(target_os = "linux")]
pub mod mounts;
#[cfg(target_os = "linux")]
pub mod namespaces;
#[cfg(target_os = "linux")]
pub mod netlink;
#[cfg(target_os = "linux")]
pub mod open_files;
#[cfg(target_os = "linux")]
pub mod proc_net;
#[cfg(target_os = "linux")]
pub mod processes;
#[cfg(target_os = "linux")]
pub mod visibility;
#[cfg(windows)]
pub(crate) mod windows;
