//! The harness of the tests that run the real binaries: network namespaces, sockets, scenarios, the kernel's own
//! record of transitions, and the comparison with it.

#![cfg(target_os = "linux")]

pub mod address_block;
pub mod bpf_objects;
pub mod btf;
pub mod capture;
pub mod checkpoint;
pub mod child;
pub mod churn;
pub mod compare;
pub mod consistency;
pub mod event;
pub mod fd_passing;
pub mod history;
pub mod mounts;
pub mod netns;
pub mod netstat;
pub mod normalization;
pub mod oracle;
pub mod output;
pub mod packet;
pub mod pids;
pub mod privilege;
pub mod proc_tcp;
pub mod process;
pub mod relay;
pub mod sample_sockets;
pub mod scenario;
pub mod seccomp;
pub mod segment;
pub mod skip;
pub mod sock;
pub mod ss;
pub mod state;
pub mod state_path;
pub mod stream_table;
pub mod terminal;
pub mod time_namespace;
pub mod trace;
pub mod traced_run;
pub mod tracer;
pub mod unobserved;
pub mod wait;
pub mod wire;
pub mod wire_evidence;
