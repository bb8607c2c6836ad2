//! The Windows binaries over real sockets. Runs under Wine too.
#![cfg(windows)]

mod counters;
mod run;
mod sockets;
mod trace;
mod usage;
