//! The report for people: the verdict first, then what it stands on, at most 100 columns wide.

use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects, Style};

use super::{Report, advice::advice, wrap::wrap};
use crate::source::ebpf::{Attempt, Outcome};

const WIDTH: usize = 100;
const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));
const TITLE: Style = Style::new().effects(Effects::BOLD);
const FAINT: Style = Style::new().effects(Effects::DIMMED);

/// The whole text.
pub(super) fn write(report: &Report, color: bool) -> String {
    let mut page = Page { text: String::new(), color };
    verdict(&mut page, report);
    host(&mut page, report);
    page.title("Probes, tried for real");
    for attempt in report.attempts.all() {
        probe(&mut page, attempt);
    }
    if let Ok(missing) = &report.missing
        && !missing.is_empty()
    {
        page.title("What a trace doesn't see here");
        for missing in missing {
            page.item("- ", missing.what, Style::new());
            page.item("    ", &missing.why, FAINT);
        }
    }
    page.title("What to do");
    let advice = advice(report);
    if advice.is_empty() {
        page.item("", "Nothing: what this kernel can show is shown.", Style::new());
    }
    for advice in advice {
        page.item("- ", &advice, Style::new());
    }
    page.text
}

fn verdict(page: &mut Page, report: &Report) {
    match &report.missing {
        Ok(missing) => {
            page.line(GOOD, "Transitions are seen as they happen (source: ebpf).");
            match missing.len() {
                0 => page.line(Style::new(), "Nothing is missing."),
                1 => page.line(Style::new(), "One thing is missing, see below."),
                count => page.line(Style::new(), &format!("{count} things are missing, see below.")),
            }
        }
        Err(error) => {
            page.line(BAD, "Transitions can't be seen as they happen here (source ebpf doesn't work).");
            page.item("", error, Style::new());
            page.item(
                "",
                match report.source() {
                    Some(_) => "A trace would look at /proc once a second instead (source: proc).",
                    None => "/proc can't be looked at either: there is no source.",
                },
                Style::new(),
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
    page.fact("not given", &names(&host.capability_names(false)));
    page.fact("container", host.container.as_deref().unwrap_or("no"));
    page.fact("lockdown", host.lockdown.as_deref().unwrap_or("unknown to this kernel"));
    page.setting("kptr_restrict", host.kptr_restrict, "2 hides addresses from root too");
    page.setting("perf_event_paranoid", host.perf_event_paranoid, "CAP_PERFMON goes past it");
    page.setting("unprivileged_bpf_disabled", host.unprivileged_bpf_disabled, "CAP_BPF goes past it");
    page.fact(
        "tracefs",
        &match &host.tracefs {
            Ok(place) => format!("{place} (read only where there is no BTF)"),
            Err(why) => format!("{why} (read only where there is no BTF)"),
        },
    );
    let memlock = host.memlock.map_or("no limit".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
    page.fact("locked memory", &format!("{memlock} (counted before Linux 5.11)"));
}

fn names(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn probe(page: &mut Page, attempt: &Attempt) {
    let Attempt { name, kind, outcome } = attempt;
    let (mark, style, said) = match outcome {
        Outcome::Attached => ("✓", GOOD, "attached"),
        Outcome::Loads => ("✓", GOOD, "loads"),
        Outcome::Refused(why) => ("✗", BAD, why.as_str()),
    };
    let name = if *kind == "map" { "ring buffer" } else { name };
    let mark = page.styled(style, mark);
    page.text += &format!("  {mark} {kind:<10} {name:<34} ");
    page.rest(&wrap(said, WIDTH - 50), 50, if style == BAD { Style::new() } else { FAINT });
}

/// A text that grows line by line.
struct Page {
    text: String,
    color: bool,
}

impl Page {
    fn styled(&self, style: Style, text: impl Display) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    fn line(&mut self, style: Style, text: &str) {
        self.text += &self.styled(style, text);
        self.text.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.text.push('\n');
        self.line(TITLE, text);
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.text += &format!("  {name:<26} ");
        self.rest(&wrap(value, WIDTH - 29), 29, Style::new());
    }

    fn setting(&mut self, name: &str, value: Option<i32>, meaning: &str) {
        let value = value.map_or("unknown".to_owned(), |value| value.to_string());
        self.fact(name, &format!("{value} ({meaning})"));
    }

    /// A paragraph with a mark before its first line.
    fn item(&mut self, mark: &str, text: &str, style: Style) {
        let indent = 2 + mark.len();
        self.text += &format!("  {mark}");
        self.rest(&wrap(text, WIDTH - indent), indent, style);
    }

    /// The first line goes on where the text is, the others begin below it.
    fn rest(&mut self, lines: &[String], indent: usize, style: Style) {
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.text += &" ".repeat(indent);
            }
            self.line(style, line);
        }
        if lines.is_empty() {
            self.text.push('\n');
        }
    }
}
