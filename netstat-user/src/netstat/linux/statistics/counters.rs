//! The groups of named counters in /proc/net/snmp, netstat and snmp6.

use std::fs;

use anyhow::{Context as _, Result};

use crate::readers::proc_net;

/// Counters of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The kernel's name of the group.
    pub title: String,
    /// The kernel's names of the counters, and their values.
    pub counters: Vec<(String, i128)>,
}

fn read(file: &str) -> Result<String> {
    let path = proc_net::own(file);
    fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
}

/// Reads pairs of lines: `Tcp: InSegs OutSegs`, and below it `Tcp: 17 4` (`snmp_seq_show`, net/ipv4/proc.c).
pub fn pairs_of_lines(file: &str) -> Result<Vec<Group>> {
    Ok(parse_pairs(&read(file)?))
}

/// A line without its counterpart, which has the same title, costs no other.
pub(crate) fn parse_pairs(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut names = None;
    for (title, words) in text.lines().filter_map(|line| line.split_once(':')) {
        match names {
            Some((title_of_names, names_)) if title_of_names == title => {
                groups.push(group(title, names_, words));
                names = None;
            }
            _ => names = Some((title, words)),
        }
    }
    groups
}

fn group(title: &str, names: &str, values: &str) -> Group {
    let pairs = names.split_whitespace().zip(values.split_whitespace());
    let counters = pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect();
    Group { title: title.to_owned(), counters }
}

/// Reads lines like `Ip6InReceives 17` (`snmp6_seq_show`, net/ipv6/proc.c). The group is the name up to the 6.
pub fn names_and_values(file: &str) -> Result<Vec<Group>> {
    Ok(parse_lines(&read(file)?))
}

pub(crate) fn parse_lines(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        let Ok(value) = value.parse() else { continue };
        let title = name.find('6').map_or(name, |six| &name[..=six]);
        let counter = (name.to_owned(), value);
        match groups.last_mut() {
            Some(group) if group.title == title => group.counters.push(counter),
            _ => groups.push(Group { title: title.to_owned(), counters: vec![counter] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_value_belongs_to_the_nth_name() {
        let groups = parse_pairs("Tcp: MaxConn InSegs Newer\nTcp: -1 17\n");
        assert_eq!(groups[0].title, "Tcp");
        assert_eq!(groups[0].counters, [("MaxConn".to_owned(), -1), ("InSegs".to_owned(), 17)]);
    }

    #[test]
    fn a_line_without_its_counterpart_costs_no_other() {
        let udp = "Udp: InDatagrams\nUdp: 3\n";
        for text in
            [format!("Tcp: InSegs\n{udp}"), format!("\nTcp\n{udp}Tcp: 4\n"), format!("Ip: 1\nTcp: 4\n{udp}")]
        {
            let groups = parse_pairs(&text);
            assert_eq!(groups, parse_pairs(udp), "{text}");
        }
    }

    #[test]
    fn this_host_has_counters() {
        assert!(pairs_of_lines("snmp").unwrap().iter().any(|group| group.title == "Tcp"));
    }
}
