//! /proc/kallsyms, and the format of a tracepoint's record.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::kernel_text(input));
