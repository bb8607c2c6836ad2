//! `-s`: the kernel's counters, in netstat's words.

mod counters;
mod sentences;
mod sentences6;

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use self::{counters::Group, sentences::Sentence};
use super::{print::Page, request::StatisticsRequest};
use crate::netstat::json;

/// When a counter that has a sentence is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Always.
    Always,
    /// Unless it is 0.
    IfAny,
    /// Unless it is 0, in the list of received ICMP messages.
    InHistogram,
    /// Unless it is 0, in the list of sent ICMP messages.
    OutHistogram,
    /// Never: a setting, or nothing that counts.
    Hidden,
}

/// What one look at the counters gives, group by group, in the kernel's order.
fn look(asked: StatisticsRequest) -> Result<Vec<Group>> {
    if !asked.ipv6 {
        let mut groups = counters::pairs_of_lines("snmp")?;
        // Not all kernels have it.
        groups.extend(counters::pairs_of_lines("netstat").unwrap_or_default());
        return Ok(groups);
    }
    let mut groups = counters::names_and_values("snmp6")?;
    groups
        .extend(counters::pairs_of_lines("snmp")?.into_iter().filter(|group| group.title.starts_with("Tcp")));
    Ok(groups)
}

/// The sentences of a group, and whether it was asked for; None for a group that netstat doesn't know, which
/// it always shows.
fn known(title: &str, asked: StatisticsRequest) -> Option<(&'static [Sentence], bool)> {
    Some(match title {
        "Ip" => (sentences::IP, asked.raw),
        "Icmp" => (sentences::ICMP, asked.raw),
        "Tcp" => (sentences::TCP, asked.tcp),
        "TcpExt" => (sentences::TCP_EXT, asked.tcp),
        "Udp" => (sentences::UDP, asked.udp),
        "Ip6" => (sentences6::IP6, asked.raw),
        "Icmp6" => (sentences6::ICMP6, asked.raw),
        "Udp6" => (sentences6::UDP6, asked.udp),
        _ => return None,
    })
}

/// For people.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn text(asked: StatisticsRequest) -> Result<Vec<u8>> {
    Ok(write(&look(asked)?, asked))
}

fn write(groups: &[Group], asked: StatisticsRequest) -> Vec<u8> {
    let mut page = Page::default();
    let mut list = Shown::Always;
    for Group { title, counters } in groups {
        let (sentences, is_asked) = known(title, asked).unwrap_or((&[], true));
        if known(title, asked).is_some() {
            list = Shown::Always;
        }
        if is_asked {
            page.text(&format!("{title}:\n"));
            for (name, value) in counters {
                counter(&mut page, &mut list, sentences, (name, *value));
            }
        }
    }
    page.into_bytes()
}

/// One counter; `list` is where the one before it was shown, which decides on how far it is to the right.
fn counter(page: &mut Page, list: &mut Shown, sentences: &[Sentence], (name, value): (&str, i128)) {
    let value = value as u64;
    let Some((_, shown, sentence)) = sentences.iter().find(|(known, _, _)| *known == name) else {
        if value != 0 {
            page.text(&format!("{}{name}: {value}\n", indent(*list)));
        }
        return;
    };
    let is_new_list = matches!(shown, Shown::InHistogram | Shown::OutHistogram) && list != shown;
    if *shown == Shown::Hidden {
        return;
    }
    if is_new_list {
        let direction = if *shown == Shown::InHistogram { "input" } else { "output" };
        page.text(&format!(
            "{}ICMP {direction} histogram:
",
            indent(*list)
        ));
    }
    *list = *shown;
    if *shown == Shown::Always || value != 0 {
        page.text(&format!("{}{}\n", indent(*shown), sentence.replace("{}", &value.to_string())));
    }
}

fn indent(list: Shown) -> &'static str {
    if matches!(list, Shown::InHistogram | Shown::OutHistogram) { "        " } else { "    " }
}

#[derive(Serialize)]
struct GroupLine<'a> {
    kind: &'static str,
    group: &'a str,
    counters: BTreeMap<&'a str, i128>,
}

/// JSON Lines: a line for each group, with all its counters.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn json(asked: StatisticsRequest) -> Result<Vec<u8>> {
    let groups = look(asked)?;
    let is_asked = |group: &&Group| known(&group.title, asked).is_none_or(|(_, is_asked)| is_asked);
    Ok(json::lines(groups.iter().filter(is_asked).map(|group| GroupLine {
        kind: "statistics",
        group: &group.title,
        counters: group.counters.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: StatisticsRequest = StatisticsRequest { ipv6: false, raw: true, tcp: true, udp: true };

    fn group(title: &str, counters: &[(&str, i128)]) -> Group {
        let counters = counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Group { title: title.to_owned(), counters }
    }

    fn shown(groups: &[Group], asked: StatisticsRequest) -> String {
        String::from_utf8(write(groups, asked)).unwrap()
    }

    #[test]
    fn counters_are_shown_by_their_sentence_or_by_their_name() {
        let groups = [
            group(
                "Ip",
                &[("Forwarding", 2), ("DefaultTTL", 64), ("InReceives", 0), ("FragFails", 0), ("New", 0)],
            ),
            group(
                "Icmp",
                &[("InMsgs", 2), ("InCsumErrors", 1), ("InDestUnreachs", 2), ("OutMsgs", 0), ("OutEchos", 0)],
            ),
            group("IcmpMsg", &[("InType3", 2)]),
            group("Tcp", &[("MaxConn", -1), ("InSegs", 5)]),
        ];
        assert_eq!(
            shown(&groups, ALL),
            "Ip:\n    Forwarding: 2\n    0 total packets received\nIcmp:\n    2 ICMP messages received\n    \
             InCsumErrors: 1\n    ICMP input histogram:\n        destination unreachable: 2\n    0 ICMP messages sent\n    \
             ICMP output histogram:\nIcmpMsg:\n        InType3: 2\nTcp:\n    5 segments received\n"
        );
    }

    #[test]
    fn a_protocol_that_was_not_asked_for_is_left_out() {
        let groups = [group("Ip", &[("InReceives", 1)]), group("Tcp", &[("InSegs", 5)])];
        assert_eq!(
            shown(&groups, StatisticsRequest { raw: false, ..ALL }),
            "Tcp:\n    5 segments received\n"
        );
    }

    #[test]
    fn no_counter_has_two_sentences_and_each_shown_one_has_a_place_for_its_value() {
        for table in [
            sentences::IP,
            sentences::ICMP,
            sentences::TCP,
            sentences::TCP_EXT,
            sentences::UDP,
            sentences6::IP6,
            sentences6::ICMP6,
            sentences6::UDP6,
        ] {
            for (at, (name, shown, sentence)) in table.iter().enumerate() {
                assert!(table[..at].iter().all(|(other, _, _)| other != name), "{name}");
                assert_eq!(sentence.contains("{}"), *shown != Shown::Hidden, "{name}");
            }
        }
    }
}
