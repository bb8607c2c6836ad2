//! `-s`: the kernel's counters, in netstat's sentences.

pub(crate) mod counters;
mod sentences;
mod sentences6;

use std::{collections::BTreeMap, io};

use anyhow::{Error, Result};
use serde::Serialize;

use self::{
    counters::Group,
    sentences::{Sentence, Shown},
};
use super::{notes::Notes, options::StatisticsOptions, print::Page};
use crate::netstat::json;

/// Reads the counters, group by group, in the kernel's order.
fn read(options: StatisticsOptions, notes: &Notes) -> Result<Vec<Group>> {
    if !options.ipv6 {
        let mut groups = counters::pairs_of_lines("snmp")?;
        match counters::pairs_of_lines("netstat") {
            Ok(more) => groups.extend(more),
            // A kernel without this file has fewer counters.
            Err(error) if is_missing(&error) => {}
            Err(error) => notes.add(format!("counters are missing: {error:#}")),
        }
        return Ok(groups);
    }
    let mut groups = counters::names_and_values("snmp6")?;
    groups
        .extend(counters::pairs_of_lines("snmp")?.into_iter().filter(|group| group.title.starts_with("Tcp")));
    Ok(groups)
}

fn is_missing(error: &Error) -> bool {
    let is_not_found = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    error.downcast_ref().is_some_and(is_not_found)
}

/// The sentences of a group, and whether the options select it; None for a group without sentences, which netstat always
/// shows.
fn known(title: &str, options: StatisticsOptions) -> Option<(&'static [Sentence], bool)> {
    Some(match title {
        "Ip" => (sentences::IP, options.raw),
        "Icmp" => (sentences::ICMP, options.raw),
        "Tcp" => (sentences::TCP, options.tcp),
        "TcpExt" => (sentences::TCP_EXT, options.tcp),
        "Udp" => (sentences::UDP, options.udp),
        "Ip6" => (sentences6::IP6, options.raw),
        "Icmp6" => (sentences6::ICMP6, options.raw),
        "Udp6" => (sentences6::UDP6, options.udp),
        _ => return None,
    })
}

/// The counters as sentences.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn text(options: StatisticsOptions, notes: &Notes) -> Result<Vec<u8>> {
    Ok(write(&read(options, notes)?, options))
}

fn write(groups: &[Group], options: StatisticsOptions) -> Vec<u8> {
    let mut page = Page::default();
    let mut list = Shown::Always;
    for Group { title, counters } in groups {
        let (sentences, is_selected) = known(title, options).unwrap_or((&[], true));
        if known(title, options).is_some() {
            list = Shown::Always;
        }
        if is_selected {
            page.text(&format!("{title}:\n"));
            for (name, value) in counters {
                counter(&mut page, &mut list, sentences, (name, *value));
            }
        }
    }
    page.into_bytes()
}

/// Appends a counter. `list` says how the counter before it was shown, which decides on the indentation of one without a
/// sentence.
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
        page.text(&format!("{}ICMP {direction} histogram:\n", indent(*list)));
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

/// JSON Lines: one for each group, with all its counters.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn json(options: StatisticsOptions, notes: &Notes) -> Result<Vec<u8>> {
    let groups = read(options, notes)?;
    let is_selected =
        |group: &&Group| known(&group.title, options).is_none_or(|(_, is_selected)| is_selected);
    Ok(json::lines(groups.iter().filter(is_selected).map(|group| GroupLine {
        kind: "statistics",
        group: &group.title,
        counters: group.counters.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: StatisticsOptions = StatisticsOptions { ipv6: false, raw: true, tcp: true, udp: true };

    fn group(title: &str, counters: &[(&str, i128)]) -> Group {
        let counters = counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Group { title: title.to_owned(), counters }
    }

    fn shown(groups: &[Group], options: StatisticsOptions) -> String {
        String::from_utf8(write(groups, options)).unwrap()
    }

    #[test]
    fn counters_without_a_sentence_are_shown_by_name_if_not_zero() {
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
    fn a_protocol_that_is_not_selected_is_left_out() {
        let groups = [group("Ip", &[("InReceives", 1)]), group("Tcp", &[("InSegs", 5)])];
        assert_eq!(
            shown(&groups, StatisticsOptions { raw: false, ..ALL }),
            "Tcp:\n    5 segments received\n"
        );
    }

    #[test]
    fn every_counter_has_one_sentence_with_a_placeholder_unless_it_is_hidden() {
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
