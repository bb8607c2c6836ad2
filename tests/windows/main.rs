//! The Windows binaries over real sockets. These tests run under Wine too.
#![cfg(windows)]

mod counters;
mod run;
mod sockets;
mod trace;
mod usage;
