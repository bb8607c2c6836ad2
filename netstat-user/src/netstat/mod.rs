//! rnetstat: what netstat shows, once or every second. Each system has a room; what they share is here.

pub mod explain;
mod filters;
mod json;
mod repeat;
mod resolve;
mod summary;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

pub use system::{cli::parse, request, run};
