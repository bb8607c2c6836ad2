//! `-s`: counters by protocol, with the texts of Windows' netstat.

mod counters;

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use self::counters::{Counters, Section};
use super::options::Protocol;
use crate::netstat::json;

/// The page of one protocol, or of all.
///
/// # Errors
/// The counters can't be read.
pub fn text(protocol: Option<Protocol>) -> Result<Vec<u8>> {
    Ok(write(&counters::read(protocol)?))
}

fn write(sections: &[Section]) -> Vec<u8> {
    let mut page = String::new();
    for Section { title, counters, .. } in sections {
        page.push_str(&format!("\n{title}\n\n"));
        match counters {
            Counters::Single { counts, width } => {
                for (text, _, count) in counts {
                    page.push_str(&format!("  {text:<width$} = {count}\n"));
                }
            }
            Counters::ReceivedAndSent(counts) => {
                page.push_str(&format!("{:28}Received    Sent\n", ""));
                for (text, _, [received, sent]) in counts {
                    page.push_str(&format!("  {text:<26}{received:<12}{sent}\n"));
                }
            }
        }
    }
    page.into_bytes()
}

#[derive(Serialize)]
struct GroupLine {
    kind: &'static str,
    group: &'static str,
    counters: BTreeMap<String, u32>,
}

/// JSON Lines: one line for each protocol, with the SNMP names of the counters, which Linux uses, too.
///
/// # Errors
/// The counters can't be read.
pub fn json(protocol: Option<Protocol>) -> Result<Vec<u8>> {
    Ok(json::lines(counters::read(protocol)?.into_iter().map(|Section { group, counters, .. }| {
        GroupLine {
            kind: "statistics",
            group,
            counters: match counters {
                Counters::Single { counts, .. } => {
                    counts.iter().map(|(_, name, count)| ((*name).to_owned(), *count)).collect()
                }
                Counters::ReceivedAndSent(counts) => counts
                    .iter()
                    .flat_map(|(_, name, [received, sent])| {
                        [(format!("In{name}"), *received), (format!("Out{name}"), *sent)]
                    })
                    .collect(),
            },
        }
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_have_the_texts_of_windows_netstat() {
        let sections = [
            Section {
                title: "UDP Statistics for IPv4",
                group: "Udp",
                counters: Counters::Single { counts: vec![("No Ports", "NoPorts", 7)], width: 21 },
            },
            Section {
                title: "ICMPv4 Statistics",
                group: "Icmp",
                counters: Counters::ReceivedAndSent(vec![("Messages", "Msgs", [16443, 22923])]),
            },
        ];
        assert_eq!(
            String::from_utf8(write(&sections)).unwrap(),
            "\nUDP Statistics for IPv4\n\n  No Ports              = 7\n\n\
             ICMPv4 Statistics\n\n                            Received    Sent\n\
             \x20 Messages                  16443       22923\n"
        );
    }
}
