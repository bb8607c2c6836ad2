//! Which part of netstat-user may import what. Paths within macro calls are not seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree};

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
    ("args", &["cgroup", "filter", "model"]),
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
            "stdout",
            "text",
        ],
    ),
    ("bin/rnetstat.rs", &["console", "netstat"]),
    ("console.rs", &[]),
    ("signals.rs", &[]),
    ("stdout.rs", &[]),
    ("text.rs", &[]),
];

/// A crate, and the files and directories below netstat-user/src that may use it: the complete list.
const CRATES: &[(&str, &[&str])] = &[
    ("aya", &["source/ebpf"]),
    ("aya_log", &["source/ebpf"]),
    ("aya_obj", &["source/ebpf"]),
    ("serde", JSON),
    ("serde_json", JSON),
    (
        "windows_sys",
        &[
            "console.rs",
            "netstat/resolve",
            "netstat/windows",
            "readers/windows",
            "source/clock.rs",
            "source/windows",
        ],
    ),
];

/// Where JSON is written.
const JSON: &[&str] = &["doctor/json.rs", "format", "netstat", "output"];

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

/// A file's path below netstat-user/src, and the paths that its code names, from the crate's root.
struct File {
    path: PathBuf,
    module: String,
    imports: Vec<String>,
}

fn files() -> Vec<File> {
    let source = workspace::root().unwrap().join("netstat-user/src");
    let rust = workspace::files_below(&source).unwrap();
    rust.into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(&source).unwrap().to_owned();
            let module = module(&path);
            File {
                imports: imports(&text, &module),
                module: [&["crate".to_owned()], &module[..]].concat().join("::"),
                path,
            }
        })
        .collect()
}

/// The module that a file is, as the names on the way to it from the crate's root.
fn module(path: &Path) -> Vec<String> {
    let names = path.with_extension("");
    let names = names.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| !matches!(name.as_str(), "mod" | "lib")).collect()
}

fn imports(text: &str, module: &[String]) -> Vec<String> {
    let mut imports = Imports { module: module.to_vec(), found: Vec::new() };
    imports.visit_file(&syn::parse_file(text).unwrap());
    imports.found
}

struct Imports {
    module: Vec<String>,
    found: Vec<String>,
}

impl Imports {
    /// Notes a path as it is from the crate's root.
    fn add(&mut self, path: &[String]) {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let root = ["crate".to_owned()];
        let (root, base, names) = match path.first().map(String::as_str) {
            Some("crate" | "netstat_user") => (&root[..], &[][..], &path[1..]),
            Some("self") => (&root[..], &self.module[..], &path[1..]),
            Some("super") => (&root[..], &self.module[..self.module.len() - supers], &path[supers..]),
            _ => (&[][..], &[][..], path),
        };
        self.found.push([root, base, names].concat().join("::"));
    }

    fn add_tree(&mut self, mut before: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(before, &path.tree);
            }
            UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.add(&before);
            }
            UseTree::Rename(name) => {
                before.push(name.ident.to_string());
                self.add(&before);
            }
            UseTree::Glob(_) => self.add(&before),
            UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_tree(before.clone(), item));
            }
        }
    }
}

impl Visit<'_> for Imports {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        self.add_tree(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.add(&names);
        }
        visit::visit_path(self, path);
    }
}

/// Whether `path` is `prefix` or within it.
fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|after| after.is_empty() || after.starts_with("::"))
}

/// The imports that a test forbids, each with its file.
fn forbidden(is_forbidden: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut forbidden = Vec::new();
    for File { path, module: _, imports } in files() {
        let imports = imports.iter().filter(|import| is_forbidden(&path, import));
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
fn a_crate_is_used_only_where_it_is_at_home() {
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

/// What a module uses of those above it doesn't count: a module and its submodules are one unit.
#[test]
fn modules_do_not_import_each_other_in_a_circle() {
    let files = files();
    let modules: BTreeMap<&str, &File> = files.iter().map(|file| (file.module.as_str(), file)).collect();
    let uses = |file: &File| -> BTreeSet<&str> {
        let imports = file.imports.iter().filter_map(|import| defined_in(&modules, &file.module, import));
        imports.filter(|module| !is_within(&file.module, module)).collect()
    };
    let graph: BTreeMap<&str, BTreeSet<&str>> =
        modules.iter().map(|(name, file)| (*name, uses(file))).collect();
    let circles: Vec<_> = graph.keys().filter_map(|module| circle(&graph, module)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// The module that defines what a module imports; None if that is in another crate.
fn defined_in<'a>(modules: &BTreeMap<&'a str, &'a File>, module: &str, import: &str) -> Option<&'a str> {
    let within = format!("{module}::{import}");
    let import = if import.starts_with("crate") { import } else { &within };
    let ends = [import.len()].into_iter().chain(import.rmatch_indices("::").map(|(end, _)| end));
    let (found, after) =
        ends.filter_map(|end| Some((modules.get_key_value(&import[..end])?, &import[end..]))).next()?;
    let (found, after) = (*found.0, after.trim_start_matches("::"));
    // A name that was imported there is defined elsewhere.
    let item = after.split("::").next().filter(|item| !item.is_empty());
    let Some(item) = item else { return Some(found) };
    let elsewhere = modules[found]
        .imports
        .iter()
        .find(|path| path.rsplit("::").next() == Some(item) && path.contains("::"));
    match elsewhere {
        Some(path) if found != module => defined_in(modules, found, path).or(Some(found)),
        _ if found == module => None,
        _ => Some(found),
    }
}

/// A shortest circle of imports through a module, if it is the first by name of those in the circle.
fn circle<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut paths = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        for next in &graph[path[path.len() - 1]] {
            if *next == start {
                return path.iter().all(|module| *module >= start).then_some(path);
            }
            if seen.insert(*next) {
                paths.push_back([&path[..], &[*next]].concat());
            }
        }
    }
    None
}

#[test]
fn imports_are_found_however_they_are_written() {
    let text = "
        use crate::{agent::Agent, model::*};
        use super::{super::c, d as e};
        use aya::Ebpf;
        mod tests {
            use super::*;
            fn read() { let _ = std::fs::read(crate::table::path::<self::Local>()); }
        }
    ";
    let module = ["a", "b"].map(str::to_owned);
    assert_eq!(
        imports(text, &module),
        [
            "crate::agent::Agent",
            "crate::model",
            "crate::c",
            "crate::a::d",
            "aya::Ebpf",
            "crate::a::b",
            "std::fs::read",
            "crate::table::path",
            "crate::a::b::tests::Local"
        ]
    );
}
