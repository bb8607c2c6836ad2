//! The tables in /proc/net.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::proc_net(input));
