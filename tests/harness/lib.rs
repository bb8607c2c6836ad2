//! What the tests of the real binaries share: namespaces, sockets, a record of the kernel's own, and the comparison.

pub mod blind;
pub mod block;
pub mod child;
pub mod churn;
pub mod compare;
pub mod consistency;
pub mod event;
pub mod hidden;
pub mod kernel_objects;
pub mod lives;
pub mod netns;
pub mod netstat;
pub mod oracle;
pub mod output;
pub mod proc_tcp;
pub mod refinement;
pub mod relay;
pub mod scenario;
pub mod skip;
pub mod sock;
pub mod state;
pub mod trace;
pub mod tracer;
pub mod wait;
pub mod world;
