//! Tests that need root, where there is none: said aloud and counted, never silently passed.

use std::{io::Write as _, panic::Location, thread};

/// Whether the calling test must be skipped because it isn't run by root.
///
/// A skipped test is printed, and its name is appended to the file that `RNETSTAT_SKIPPED` names.
#[track_caller]
pub fn without_root() -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    let name = test_name();
    eprintln!("SKIPPED {name}: it needs root");
    if let Some(path) = std::env::var_os("RNETSTAT_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(&path);
        // One write a line: tests that run side by side append to the same file.
        if let Err(error) = file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes())) {
            panic!("can't note the skipped {name} in {}: {error}", path.display());
        }
    }
    true
}

/// libtest names a test's thread like the test, except when it runs all tests on the main thread.
#[track_caller]
fn test_name() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => Location::caller().to_string(),
    }
}
