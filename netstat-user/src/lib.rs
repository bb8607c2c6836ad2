//! rnetstat-trace, which streams TCP state transitions as they happen, and rnetstat, the everyday netstat.

pub mod agent;
pub mod cgroup;
pub mod cli;
pub mod config;
pub mod filter;
pub mod model;
#[cfg(target_os = "linux")]
pub mod netstat;
pub mod output;
pub mod sink;
pub mod source;
pub mod table;
