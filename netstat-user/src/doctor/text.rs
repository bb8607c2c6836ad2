//! The report for people: the verdict first, then the facts behind it.

use super::{
    advice::advice,
    page::{BAD, FAINT, GOOD, PLAIN, Page},
    report::Report,
};
use crate::{
    default_sizes, open_files,
    source::ebpf::{Attempt, Outcome},
};

/// The whole report, in lines of at most `width` columns.
pub(super) fn write(report: &Report, width: usize, color: bool) -> String {
    let mut page = Page { text: String::new(), width, color };
    verdict(&mut page, report);
    host(&mut page, report);
    page.title("Hooks, each tried");
    attempts(&mut page, report.attempts.all());
    if let Ok(missing) = &report.missing
        && !missing.is_empty()
    {
        page.title("What a trace doesn't see here");
        for with_one_reason in missing.chunk_by(|one, next| one.why == next.why) {
            for missing in with_one_reason {
                page.item("- ", &missing.what, PLAIN);
            }
            page.item("    ", &with_one_reason[0].why, FAINT);
        }
    }
    page.title("What to do");
    let advice = advice(report);
    if advice.is_empty() {
        page.item("", "Nothing: a trace shows all that this kernel can show.", PLAIN);
    }
    for advice in advice {
        page.item("- ", &advice, PLAIN);
    }
    page.text
}

fn verdict(page: &mut Page, report: &Report) {
    if let Some(error) = &report.no_threads {
        page.line(BAD, "No trace can start here.");
        return page.item("", error, PLAIN);
    }
    match &report.missing {
        Ok(missing) => {
            page.line(GOOD, "Transitions are seen as they happen (source: ebpf).");
            match missing.len() {
                0 => page.line(PLAIN, "Nothing is missing."),
                1 => page.line(PLAIN, "One thing is missing, see below."),
                count => page.line(PLAIN, &format!("{count} things are missing, see below.")),
            }
        }
        Err(error) => {
            page.line(BAD, "Transitions can't be seen as they happen here (source ebpf doesn't work).");
            page.item("", error, PLAIN);
            page.item(
                "",
                match report.source() {
                    Some(_) => "A trace would poll /proc once a second instead (source: proc).",
                    None => "/proc can't be read either: there is no source.",
                },
                PLAIN,
            );
        }
    }
}

fn host(page: &mut Page, report: &Report) {
    let host = &report.host;
    page.title("Host");
    page.fact("kernel", &format!("{} {}", host.kernel, host.machine));
    page.fact(
        "kernel's BTF",
        &match &host.btf {
            Ok(bytes) => format!("{:.1} MB", *bytes as f64 / 1e6),
            Err(why) => format!("missing: {why}"),
        },
    );
    page.fact("user", &if host.user == 0 { "root".to_owned() } else { format!("uid {}", host.user) });
    page.fact("capabilities", &names(&host.capability_names(true)));
    page.fact("missing capabilities", &names(&host.capability_names(false)));
    page.fact("container", host.container.as_deref().unwrap_or("no"));
    page.fact("lockdown", host.lockdown.as_deref().unwrap_or("not in this kernel"));
    page.setting("kptr_restrict", host.kptr_restrict, "2 hides addresses from root too");
    page.setting("perf_event_paranoid", host.perf_event_paranoid, "CAP_PERFMON overrides it");
    page.setting("unprivileged_bpf_disabled", host.unprivileged_bpf_disabled, "CAP_BPF overrides it");
    page.fact(
        "tracefs",
        &match &host.tracefs {
            Ok(place) => format!("{place} (needed only without BTF)"),
            Err(why) => format!("{why} (needed only without BTF)"),
        },
    );
    let memory = match host.memory_limit {
        None => "no limit".to_owned(),
        Some(limit) => format!(
            "{} MiB (for a ring buffer of {} KiB and {} connections)",
            limit >> 20,
            default_sizes::ring_bytes(Some(limit)) / 1024,
            default_sizes::table_size(Some(limit))
        ),
    };
    page.fact("memory", &memory);
    let memlock = host.memlock.map_or("no limit".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
    page.fact("threads", report.no_threads.as_deref().unwrap_or("a trace can start those that it needs"));
    let open_files = host.open_files.map_or("no limit".to_owned(), |limit| limit.to_string());
    page.fact("open files", &format!("{open_files} (a trace by eBPF needs {})", open_files::NEEDED));
    page.fact("locked memory", &format!("{memlock} (limits eBPF only before Linux 5.11)"));
}

fn names(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

/// A line for each attempt, in columns as wide as the longest kind and name.
fn attempts(page: &mut Page, attempts: &[Attempt]) {
    let rows = attempts.iter().map(|Attempt { name, kind, outcome }| {
        let name = if *kind == "map" { "ring buffer" } else { name };
        let (mark, style, answer) = match outcome {
            Outcome::Attached => ("✓", GOOD, "attached"),
            Outcome::Loads => ("✓", GOOD, "loads"),
            Outcome::Refused(why) => ("✗", BAD, why.as_str()),
        };
        (name, *kind, mark, style, answer)
    });
    let kinds = attempts.iter().map(|attempt| attempt.kind.len()).max().unwrap_or(0);
    let names = rows.clone().map(|(name, ..)| name.len()).max().unwrap_or(0);
    for (name, kind, mark, style, answer) in rows {
        let mark = page.styled(style, mark);
        page.text += &format!("  {mark} {kind:<kinds$} {name:<names$} ");
        page.wrapped(answer, kinds + names + 6, if style == BAD { PLAIN } else { FAINT });
    }
}
