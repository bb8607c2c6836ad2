//! Reads which paths the code of netstat-user names. Paths within macro calls are not seen.

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree};

use crate::workspace;

/// A file below netstat-user/src.
pub struct File {
    pub path: PathBuf,
    /// Its module, from the crate's root.
    pub module: String,
    pub imports: Vec<Import>,
}

/// A path in a file's code, from the root of this crate or beginning with the name of another.
pub struct Import {
    pub path: String,
    /// Whether it is in a `use` declaration.
    pub is_declared: bool,
    /// Whether it is in the file's `mod tests`.
    pub is_test: bool,
}

/// All files below netstat-user/src.
pub fn files() -> Vec<File> {
    let source = workspace::root().unwrap().join("netstat-user/src");
    let rust = workspace::files_below(&source).unwrap();
    rust.into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(&source).unwrap().to_owned();
            let names = module(&path);
            let module = [&["crate".to_owned()], &names[..]].concat().join("::");
            File { path, module, imports: imports(&text, &names) }
        })
        .collect()
}

/// The module of a file, as the names on the way to it from the crate's root.
pub fn module(path: &Path) -> Vec<String> {
    let names = path.with_extension("");
    let names = names.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| !matches!(name.as_str(), "mod" | "lib")).collect()
}

fn imports(text: &str, module: &[String]) -> Vec<Import> {
    let mut imports = Imports { module: module.to_vec(), is_test: false, found: Vec::new() };
    imports.visit_file(&syn::parse_file(text).unwrap());
    imports.found
}

struct Imports {
    module: Vec<String>,
    is_test: bool,
    found: Vec<Import>,
}

impl Imports {
    /// Notes a path as it is from the crate's root.
    fn add(&mut self, path: &[String], is_declared: bool) {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let root = ["crate".to_owned()];
        let (root, base, names) = match path.first().map(String::as_str) {
            Some("crate" | "netstat_user") => (&root[..], &[][..], &path[1..]),
            Some("self") => (&root[..], &self.module[..], &path[1..]),
            Some("super") => (&root[..], &self.module[..self.module.len() - supers], &path[supers..]),
            _ => (&[][..], &[][..], path),
        };
        let path = [root, base, names].concat().join("::");
        self.found.push(Import { path, is_declared, is_test: self.is_test });
    }

    fn add_tree(&mut self, mut before: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(before, &path.tree);
            }
            UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.add(&before, true);
            }
            UseTree::Rename(name) => {
                before.push(name.ident.to_string());
                self.add(&before, true);
            }
            UseTree::Glob(_) => self.add(&before, true),
            UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_tree(before.clone(), item));
            }
        }
    }
}

impl Visit<'_> for Imports {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        let was_test = self.is_test;
        self.is_test |= item.ident == "tests";
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.is_test = was_test;
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        self.add_tree(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.add(&names, false);
        }
        visit::visit_path(self, path);
    }
}

/// Whether `path` is `prefix` or within it.
pub fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|after| after.is_empty() || after.starts_with("::"))
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
        imports(text, &module).iter().map(|import| import.path.as_str()).collect::<Vec<_>>(),
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
