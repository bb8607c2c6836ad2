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
    let text = read(file)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    Ok(lines.chunks_exact(2).filter_map(|pair| group(pair[0], pair[1])).collect())
}

fn group(names: &str, values: &str) -> Option<Group> {
    let (title, names) = names.split_once(':')?;
    let (_, values) = values.split_once(':')?;
    let pairs = names.split_whitespace().zip(values.split_whitespace());
    let counters = pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect();
    Some(Group { title: title.to_owned(), counters })
}

/// Reads lines like `Ip6InReceives 17` (`snmp6_seq_show`, net/ipv6/proc.c). The group is the name up to the 6.
pub fn names_and_values(file: &str) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for line in read(file)?.lines() {
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
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_value_belongs_to_the_nth_name() {
        let group = group("Tcp: MaxConn InSegs Newer", "Tcp: -1 17").unwrap();
        assert_eq!(group.title, "Tcp");
        assert_eq!(group.counters, [("MaxConn".to_owned(), -1), ("InSegs".to_owned(), 17)]);
    }

    #[test]
    fn this_host_has_counters() {
        assert!(pairs_of_lines("snmp").unwrap().iter().any(|group| group.title == "Tcp"));
    }
}
