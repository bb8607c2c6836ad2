//! What the fuzz targets run: one function for each, which takes any bytes and panics if a property does not hold.
//!
//! `cargo xtask fuzz` runs them with libFuzzer's inputs; the tests here run them with the inputs in `tests/fuzz/corpus`.

#[cfg(target_os = "linux")]
mod btf;
mod command_lines;
#[cfg(target_os = "linux")]
mod ebpf_records;
#[cfg(target_os = "linux")]
mod kernel_text;
mod names;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod proc_net;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod trace;

#[cfg(target_os = "linux")]
pub use {
    btf::btf, ebpf_records::ebpf_records, kernel_text::kernel_text, netlink::netlink, proc_net::proc_net,
    processes::processes, trace::trace,
};
pub use {command_lines::command_lines, names::names};

/// Takes the bytes of an input.
#[cfg(test)]
type Target = fn(&[u8]);

/// The targets that this system has, by the names of their programs and of their folders in the corpus.
#[cfg(test)]
const TARGETS: &[(&str, Target)] = &[
    ("command_lines", command_lines),
    ("names", names),
    #[cfg(target_os = "linux")]
    ("btf", btf),
    #[cfg(target_os = "linux")]
    ("ebpf_records", ebpf_records),
    #[cfg(target_os = "linux")]
    ("kernel_text", kernel_text),
    #[cfg(target_os = "linux")]
    ("netlink", netlink),
    #[cfg(target_os = "linux")]
    ("proc_net", proc_net),
    #[cfg(target_os = "linux")]
    ("processes", processes),
    #[cfg(target_os = "linux")]
    ("trace", trace),
];
