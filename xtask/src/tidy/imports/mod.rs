//! Which part of netstat-user may import what.

mod circles;
mod parse;

use std::path::Path;

use self::parse::{File, files, is_within, module};
use crate::workspace;

/// A file or directory below netstat-user/src, and the other top-level modules that it may import: the complete list.
const MODULES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("filter", &["model"]),
    ("table", &["filter", "model"]),
    ("options.rs", &["filter"]),
    ("format", &["model", "options"]),
    ("readers", &["model"]),
    ("socket_holders.rs", &["readers", "source"]),
    ("args", &["cgroup", "filter", "model", "readers", "standard_streams"]),
    // rnetstat knows nothing of the tracer: no agent, table, options or source.
    (
        "netstat",
        &[
            "args",
            "console",
            "filter",
            "format",
            "model",
            "readers",
            "signals",
            "socket_holders",
            "standard_streams",
            "text",
        ],
    ),
    ("bin/rnetstat.rs", &["args", "console", "failure", "netstat", "out_of_memory", "standard_streams"]),
    ("console.rs", &[]),
    ("failure.rs", &["standard_streams"]),
    ("open_files.rs", &[]),
    ("out_of_memory.rs", &[]),
    ("signals.rs", &[]),
    ("standard_streams.rs", &[]),
    ("text.rs", &[]),
];

/// A crate, and the files and directories below netstat-user/src that may use it: the complete list.
const CRATES: &[(&str, &[&str])] = &[
    ("aya", &["fuzzing", "source/ebpf"]),
    ("aya_log", &["source/ebpf"]),
    ("aya_obj", &["fuzzing", "source/ebpf"]),
    ("serde", JSON),
    ("serde_json", JSON),
    (
        "windows_sys",
        &[
            "console.rs",
            "netstat/resolve",
            "netstat/windows",
            "readers/windows",
            "source/clock/windows.rs",
            "source/windows",
        ],
    ),
];

/// Where JSON is written, and read back by the fuzz targets.
const JSON: &[&str] = &["doctor/json.rs", "format", "fuzzing", "netstat", "output"];

/// What works on a recording as it does on a live trace: no input, no output, no clock.
const PURE: &[&str] = &["model", "filter", "table"];

/// What a pure module can't use.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "clap",
    "jiff",
    "libc",
    "nix",
    "procfs",
    "rustix",
    "tokio",
];

/// The imports that a test forbids, each with its file.
fn forbidden(is_forbidden: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut forbidden = Vec::new();
    for File { path, imports, .. } in files() {
        let imports = imports.iter().map(|import| &import.path).filter(|import| is_forbidden(&path, import));
        forbidden.extend(imports.map(|import| format!("{} uses {import}", path.display())));
    }
    forbidden
}

#[test]
fn a_module_imports_only_the_modules_that_it_may_depend_on() {
    let found = forbidden(|path, import| {
        let Some(import) = import.strip_prefix("crate::") else { return false };
        let top = import.split("::").next().unwrap_or_default();
        let own = module(path);
        let mut importers = MODULES.iter().filter(|(importer, _)| path.starts_with(importer));
        importers.any(|(_, may_use)| own[0] != top && !may_use.contains(&top))
    });
    assert!(found.is_empty(), "against the list in {}: {found:#?}", file!());
}

#[test]
fn a_crate_is_used_only_in_the_modules_that_may_use_it() {
    let found = forbidden(|path, import| {
        let mut crates = CRATES.iter().filter(|(name, _)| is_within(import, name));
        crates.any(|(_, homes)| !homes.iter().any(|home| path.starts_with(home)))
    });
    assert!(found.is_empty(), "against the list in {}: {found:#?}", file!());
}

#[test]
fn the_pure_modules_do_no_io_and_read_no_clock() {
    let found = forbidden(|path, import| {
        PURE.iter().any(|pure| path.starts_with(pure))
            && IMPURE.iter().any(|impure| is_within(import, impure))
    });
    assert!(found.is_empty(), "time and text come to them as arguments: {found:#?}");
}

#[test]
fn the_lists_name_files_and_directories_that_exist() {
    let source = workspace::root().unwrap().join("netstat-user/src");
    let importers = MODULES.iter().map(|(importer, _)| *importer);
    let homes = CRATES.iter().flat_map(|(_, homes)| homes.iter().copied());
    let gone: Vec<_> = importers
        .chain(homes)
        .chain(PURE.iter().copied())
        .filter(|path| !source.join(path).exists())
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}
