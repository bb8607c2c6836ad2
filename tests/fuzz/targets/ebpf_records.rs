//! The records of the ring buffer and of the iterators.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::ebpf_records(input));
