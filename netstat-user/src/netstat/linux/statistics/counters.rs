//! /proc/net/snmp, netstat and snmp6: groups of named counters.

use std::fs;

use anyhow::{Context as _, Result};

/// Counters that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The kernel's name of it.
    pub title: String,
    /// The kernel's names and values.
    pub counters: Vec<(String, i128)>,
}

fn read(file: &str) -> Result<String> {
    let path = format!("/proc/thread-self/net/{file}");
    fs::read_to_string(&path).with_context(|| format!("can't read {path}"))
}

/// `Tcp: InSegs OutSegs` and below it `Tcp: 17 4` (`snmp_seq_show`, net/ipv4/proc.c).
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

/// `Ip6InReceives 17`, one a line (`snmp6_seq_show`, net/ipv6/proc.c): the group is what is up to the 6.
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
    fn names_and_values_belong_together_by_their_place() {
        let group = group("Tcp: MaxConn InSegs Newer", "Tcp: -1 17").unwrap();
        assert_eq!(group.title, "Tcp");
        assert_eq!(group.counters, [("MaxConn".to_owned(), -1), ("InSegs".to_owned(), 17)]);
    }

    #[test]
    fn this_host_has_counters() {
        assert!(pairs_of_lines("snmp").unwrap().iter().any(|group| group.title == "Tcp"));
    }
}
