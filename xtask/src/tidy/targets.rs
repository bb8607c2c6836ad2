//! What cargo compiles: the targets that the manifests declare, and the files that their `mod` items reach.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::workspace;

/// A program, a library or a test program of a package in the workspace.
pub struct Target {
    /// The name in the manifest; the file's stem where the manifest gives none.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only the list of the guests' tests reads it")
    )]
    pub name: String,
    /// Whether `[[test]]` declares it.
    pub is_test: bool,
    /// The file of its root module.
    pub root: PathBuf,
}

/// Every target of every member of the workspace. Reads the manifests instead of `cargo metadata`: these tests also
/// run under Wine, where no cargo can be started.
pub fn of_workspace() -> Vec<Target> {
    let root = workspace::root().unwrap();
    let manifest = read(&root.join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().unwrap();
    members.iter().flat_map(|member| of_package(&root.join(member.as_str().unwrap()))).collect()
}

fn of_package(directory: &Path) -> Vec<Target> {
    let manifest = read(&directory.join("Cargo.toml"));
    let mut targets = Vec::new();
    for kind in ["bin", "test", "bench", "example"] {
        for target in manifest.get(kind).and_then(|targets| targets.as_array()).into_iter().flatten() {
            let text = |key: &str| target.get(key).and_then(|value| value.as_str());
            let name = text("name").unwrap().to_owned();
            let folder = if kind == "bin" { "src/bin" } else { kind };
            let path = text("path").map_or_else(|| format!("{folder}/{name}.rs"), str::to_owned);
            targets.push(Target { name, is_test: kind == "test", root: canonical(&directory.join(path)) });
        }
    }
    let library = manifest.get("lib").and_then(|library| library.get("path")).and_then(|path| path.as_str());
    // The places where cargo finds targets that no manifest declares.
    let mut found = vec![directory.join(library.unwrap_or("src/lib.rs"))];
    found.extend(["src/main.rs", "build.rs"].map(|path| directory.join(path)));
    if directory.join("src/bin").is_dir() {
        found.extend(workspace::files_below(&directory.join("src/bin")).unwrap());
    }
    for file in found.into_iter().filter(|file| file.exists()) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        targets.push(Target { name, is_test: false, root: canonical(&file) });
    }
    targets
}

fn read(manifest: &Path) -> Table {
    let text = fs::read_to_string(manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", manifest.display()))
}

fn canonical(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|error| panic!("a target's file {}: {error}", file.display()))
}

/// Adds the root module's file and those of all modules that are declared in it.
fn add_modules(file: PathBuf, is_root: bool, files: &mut BTreeSet<PathBuf>) {
    let text = fs::read_to_string(&file).unwrap();
    let beside = file.parent().unwrap().to_path_buf();
    let owns_directory = is_root || file.file_name().is_some_and(|name| name == "mod.rs");
    let below = if owns_directory { beside.clone() } else { beside.join(file.file_stem().unwrap()) };
    if !files.insert(file) {
        return;
    }
    for module in declared_modules(&text) {
        let candidates = match module {
            Module::Named(name) => {
                vec![below.join(format!("{name}.rs")), below.join(name).join("mod.rs")]
            }
            Module::At(path) => vec![beside.join(path)],
        };
        // A file that is not there is rustc's to report.
        if let Some(found) = candidates.iter().find(|candidate| candidate.exists()) {
            add_modules(canonical(found), false, files);
        }
    }
}

/// A module whose text is in another file.
#[derive(Debug, PartialEq, Eq)]
enum Module<'a> {
    /// `mod name;`
    Named(&'a str),
    /// `#[path = "…"] mod name;`
    At(&'a str),
}

/// The `mod name;` items of a file that rustfmt has formatted: each is on a line of its own.
fn declared_modules(text: &str) -> Vec<Module<'_>> {
    let mut modules = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[path = \"") {
            path = attribute.strip_suffix("\"]");
        } else if let Some(name) = module_name(line) {
            modules.push(path.take().map_or(Module::Named(name), Module::At));
        }
    }
    modules
}

fn module_name(line: &str) -> Option<&str> {
    let item = match line.strip_prefix("pub") {
        // `pub mod`, `pub(crate) mod`
        Some(public) => public.split_once(' ')?.1,
        None => line,
    };
    item.strip_prefix("mod ")?.strip_suffix(';')
}

#[test]
fn every_rust_file_is_compiled() {
    let mut compiled = BTreeSet::new();
    for target in of_workspace() {
        add_modules(target.root, true, &mut compiled);
    }
    let stray: Vec<_> = super::rust_files()
        .into_iter()
        .map(|(file, _)| file)
        .filter(|file| !compiled.contains(file))
        .collect();
    assert!(stray.is_empty(), "no target reaches {stray:?}: declare each as a module or in a Cargo.toml");
}

#[test]
fn all_forms_of_module_declarations_are_found() {
    let text = "mod a;\n    pub mod b;\npub(super) mod c;\n#[path = \"d/e.rs\"]\n#[cfg(unix)]\nmod d;\nmod f {\n// mod g;";
    let expected = [Module::Named("a"), Module::Named("b"), Module::Named("c"), Module::At("d/e.rs")];
    assert_eq!(declared_modules(text), expected);
}
