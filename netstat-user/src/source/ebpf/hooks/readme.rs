//! The README's list of hooks: written from the table, and held against it by a test.

use std::{fs, path::Path};

use super::{
    hook::{HookSet, Need, Remedy},
    sets,
};

const BEGIN: &str =
    "<!-- hooks: written by `RNETSTAT_WRITE_README=1 cargo test -p netstat-user --lib hooks` -->\n";
const END: &str = "<!-- hooks: end -->\n";
/// Stands for the cell above it.
const DITTO: &str = "〃";

#[test]
fn the_readme_lists_the_hooks_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a list of hooks");
    let (listed, after) = rest.split_once(END).expect("the README's list of hooks has an end");
    let list = list();
    if listed != list && std::env::var_os("RNETSTAT_WRITE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{list}{END}{after}")).unwrap();
    } else {
        assert_eq!(listed, list, "write it: {BEGIN}");
    }
}

fn list() -> String {
    let mut list = "| program | attached to | kernels | reports | missing without it | what to do |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for set in sets() {
        let (mut missing, mut remedy) = (missing(set), remedy(set.remedy));
        for hook in set.hooks {
            let (program, kind, target) = (hook.program, hook.kind.name(), hook.target);
            let (kernels, reports) = (hook.kernels, hook.reports);
            list += &format!(
                "| `{program}` | {kind} `{target}` | {kernels} | {reports} | {missing} | {remedy} |\n"
            );
            (missing, remedy) = (DITTO.to_owned(), DITTO.to_owned());
        }
    }
    list
}

fn missing(set: &HookSet) -> String {
    let facts = set.facts.join("; ");
    let others: Vec<&str> = sets()
        .filter(|other| *other != set && !facts.is_empty() && other.facts == set.facts)
        .flat_map(|other| other.hooks.first())
        .map(|hook| hook.program)
        .collect();
    match set.need {
        Need::Required if facts.is_empty() => "everything, if the programs above aren't attached".to_owned(),
        Need::Required => {
            format!("everything; with the classic tracepoint in its place: {facts}, and all below")
        }
        Need::Optional if others.is_empty() => facts,
        Need::Optional => format!("{facts}, unless `{}` is attached", others.join("` or `")),
        Need::Rnetstat => "nothing in a trace: only `rnetstat` uses it, or reads /proc".to_owned(),
    }
}

fn remedy(remedy: Remedy) -> String {
    match remedy {
        Remedy::Privileges => "give CAP_BPF and CAP_PERFMON; use a kernel with BTF".to_owned(),
        Remedy::Tracefs => "run as root; `mount -t tracefs tracefs /sys/kernel/tracing`".to_owned(),
        Remedy::KernelAddresses => {
            "give CAP_SYSLOG; where kptr_restrict is 2, `sysctl kernel.kptr_restrict=1`".to_owned()
        }
        Remedy::Kernel(kernel) => format!("use {kernel}"),
    }
}
