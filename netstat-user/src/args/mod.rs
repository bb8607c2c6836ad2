//! Arguments that both programs accept, and the parsers of their values.

#[cfg(target_os = "linux")]
pub(crate) mod cgroup;
mod color;
mod filter;
#[cfg(not(target_os = "linux"))]
mod linux_only;
pub(crate) mod name;
#[cfg(target_os = "linux")]
pub(crate) mod netns;
pub mod usage;
#[cfg(target_os = "linux")]
pub(crate) mod user;
pub(crate) mod value;

pub use color::ColorArgs;
pub use filter::SocketFilterArgs;
#[cfg(not(target_os = "linux"))]
pub(crate) use linux_only::{cgroup, netns, user};
