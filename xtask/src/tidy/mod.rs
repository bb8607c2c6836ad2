//! The project's rules that a machine can check, as tests.

mod imports;
mod skips;
pub mod targets;

use std::fs;
use std::path::PathBuf;

use crate::ebpf::object::absolute_paths;
use crate::ebpf::{Record, committed, of_sources};
use crate::workspace;

const LONGEST_FILE: usize = 400;

fn rust_files() -> Vec<(PathBuf, String)> {
    let files = workspace::files_below(&workspace::root().unwrap()).unwrap();
    let rust = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn every_rust_file_opens_with_what_lives_there() {
    let silent: Vec<_> = rust_files().into_iter().filter(|(_, text)| !text.starts_with("//! ")).collect();
    let names: Vec<_> = silent.iter().map(|(file, _)| file).collect();
    assert!(names.is_empty(), "no `//! ` line at the top of {names:?}");
}

#[test]
fn no_rust_file_is_longer_than_400_lines() {
    let long = rust_files().into_iter().map(|(file, text)| (file, text.lines().count()));
    let long: Vec<_> = long.filter(|(_, lines)| *lines > LONGEST_FILE).collect();
    assert!(long.is_empty(), "too long: {long:?}");
}

#[test]
fn the_committed_object_names_no_path_of_a_machine() {
    let paths = absolute_paths(&fs::read(committed().unwrap()).unwrap());
    assert!(paths.is_empty(), "{paths:?}");
}

#[test]
fn the_committed_object_was_made_from_the_sources_beside_it() {
    let recorded = Record::read().unwrap().sources;
    assert_eq!(recorded, of_sources().unwrap(), "run `cargo xtask ebpf` and commit the object");
}
