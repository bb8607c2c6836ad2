//! The types, names and constants that the kernel side and user space share, and the parts of the kernel side that are
//! tested on the host. The programs are in `main.rs`.
#![no_std]

pub mod dedup_log;
pub mod volatile;
pub mod wire;
