//! The kernel's answers over netlink.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::netlink(input));
