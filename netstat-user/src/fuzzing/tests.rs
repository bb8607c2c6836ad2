//! Runs every target with the inputs of its corpus.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz").join(name)
}

#[test]
fn the_properties_of_every_target_hold_for_its_corpus() {
    for (name, target) in TARGETS {
        let inputs = fs::read_dir(folder("corpus").join(name)).unwrap();
        let mut count = 0;
        for input in inputs.map(|input| input.unwrap().path()) {
            // The test's output, if the target panics.
            eprintln!("{}", input.display());
            target(&fs::read(&input).unwrap());
            count += 1;
        }
        assert!(count > 0, "the target {name} has no input");
    }
}

#[test]
fn the_properties_of_every_target_hold_for_truncated_inputs() {
    for (name, target) in TARGETS {
        for input in fs::read_dir(folder("corpus").join(name)).unwrap() {
            let input = fs::read(input.unwrap().path()).unwrap();
            for part in 0..16 {
                target(&input[..input.len() * part / 16]);
                target(&input[input.len() * part / 16..]);
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_target_has_a_program_and_a_corpus() {
    use std::collections::BTreeSet;

    let names = |entries: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder(entries)).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let declared: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("targets"), declared, "the files in tests/fuzz/targets");
    assert_eq!(names("corpus"), declared, "the folders in tests/fuzz/corpus");
}
