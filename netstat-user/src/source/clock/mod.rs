//! The time of events: the kernel's monotonic clock, and what the wall clock shows at the same moment.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod time_namespace;
#[cfg(target_os = "linux")]
mod wall_offset;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::{check, now};
#[cfg(windows)]
pub use windows::now;
