//! No module of netstat-user imports another in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::parse::{File, files, is_within};

/// What a module uses of those above it doesn't count: a module and its submodules are one unit.
#[test]
fn modules_do_not_import_each_other_in_a_circle() {
    let files = files();
    let modules: BTreeMap<&str, &File> = files.iter().map(|file| (file.module.as_str(), file)).collect();
    let uses = |file: &File| -> BTreeSet<&str> {
        let imports = file.imports.iter().filter(|import| !import.is_test);
        let imports = imports.filter_map(|import| defined_in(&modules, &file.module, &import.path));
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
    let mut declared =
        modules[found].imports.iter().filter(|import| import.is_declared).map(|import| &import.path);
    let elsewhere = declared.find(|path| path.rsplit("::").next() == Some(item));
    match elsewhere {
        Some(path) if found != module => defined_in(modules, found, path).or(Some(found)),
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
