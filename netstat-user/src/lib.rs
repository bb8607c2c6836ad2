//! The library of both programs: rnetstat-trace streams TCP state transitions, rnetstat prints what netstat prints.

pub mod agent;
pub mod args;
pub mod cgroup;
pub mod cli;
pub mod console;
pub mod default_sizes;
pub mod doctor;
pub mod failure;
pub mod filter;
pub mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod model;
pub mod netstat;
#[cfg(target_os = "linux")]
pub mod open_files;
pub mod options;
#[cfg(target_os = "linux")]
pub mod out_of_memory;
pub mod output;
#[cfg(target_os = "linux")]
pub mod privilege;
pub mod readers;
pub mod signals;
#[cfg(target_os = "linux")]
pub mod socket_holders;
pub mod source;
pub mod standard_streams;
pub mod table;
mod text;
