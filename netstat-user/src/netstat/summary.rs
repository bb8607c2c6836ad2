//! `--summary`: the number of sockets by state, by process and by remote address.

use std::{borrow::Cow, net::IpAddr};

use netstat_events::text;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::json;
use crate::format::visible;

/// Counts sockets. One with several holders counts for each of them.
#[derive(Debug, Default)]
pub struct Tally<'a> {
    states: FxHashMap<(&'static str, &'static str), u64>,
    owners: FxHashMap<u32, (u64, Option<&'a [u8]>)>,
    unowned: u64,
    remotes: FxHashMap<IpAddr, u64>,
}

/// The counts, each list with the most frequent first.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    states: Counts,
    owners: Counts,
    remotes: Counts,
}

/// The keys are bytes: a process chooses its name.
type Counts = Vec<(Vec<u8>, u64)>;

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    by: &'static str,
    key: Cow<'a, str>,
    count: u64,
}

impl<'a> Tally<'a> {
    /// Counts a socket by protocol and state; the state is empty for a socket without one.
    pub fn state(&mut self, proto: &'static str, state: &'static str) {
        *self.states.entry((proto, state)).or_default() += 1;
    }

    /// Counts a socket by the processes that hold it; there are none if the holders are not known.
    pub fn owners(&mut self, holders: impl Iterator<Item = (u32, Option<&'a [u8]>)>) {
        let mut is_owned = false;
        for (pid, name) in holders {
            is_owned = true;
            let (count, known) = self.owners.entry(pid).or_default();
            *count += 1;
            *known = name;
        }
        self.unowned += u64::from(!is_owned);
    }

    /// Counts a socket by its remote address.
    pub fn remote(&mut self, addr: IpAddr) {
        *self.remotes.entry(addr.to_canonical()).or_default() += 1;
    }

    /// The counts, sorted.
    pub fn summary(self) -> Summary {
        let Self { states, owners, unowned, remotes } = self;
        let state = |(proto, state): (&str, &str)| format!("{proto} {state}").trim_end().as_bytes().to_vec();
        let owner = |(pid, (count, name)): (u32, (u64, Option<&[u8]>))| {
            ([format!("{pid}/").as_bytes(), name.unwrap_or(b"-")].concat(), count)
        };
        let unowned = Some((b"-".to_vec(), unowned)).filter(|_| unowned > 0);
        Summary {
            states: sorted(states.into_iter().map(|(key, count)| (state(key), count)).collect()),
            owners: sorted(owners.into_iter().map(owner).chain(unowned).collect()),
            remotes: sorted(
                remotes.into_iter().map(|(addr, count)| (addr.to_string().into_bytes(), count)).collect(),
            ),
        }
    }
}

impl Summary {
    fn lists(&self) -> [(&'static str, &'static str, &Counts); 3] {
        [
            ("state", "State", &self.states),
            ("owner", "PID/Program name", &self.owners),
            ("remote", "Foreign Address", &self.remotes),
        ]
    }

    /// Lists of count and name.
    pub fn text(&self) -> Vec<u8> {
        let mut page = String::new();
        for (_, title, counts) in self.lists().iter().filter(|(_, _, counts)| !counts.is_empty()) {
            if !page.is_empty() {
                page.push('\n');
            }
            page.push_str(&format!("  Count {title}\n"));
            for (key, count) in *counts {
                page.push_str(&format!("{count:>7} {}\n", visible(key)));
            }
        }
        page.into_bytes()
    }

    /// JSON Lines.
    pub fn json(&self) -> Vec<u8> {
        let lines = self.lists().into_iter().flat_map(|(by, _, counts)| {
            counts.iter().map(move |(key, count)| Line {
                kind: "summary",
                by,
                key: text::from_bytes(key),
                count: *count,
            })
        });
        json::lines(lines)
    }
}

fn sorted(mut counts: Counts) -> Counts {
    counts.sort_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_sorted_by_frequency_and_then_by_name() {
        let counts = [("b", 1), ("a", 1), ("c", 9)].map(|(key, count)| (key.as_bytes().to_vec(), count));
        let keys: Vec<Vec<u8>> = sorted(counts.to_vec()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [b"c", b"a", b"b"]);
    }

    #[test]
    fn without_sockets_the_page_is_empty() {
        assert!(Tally::default().summary().text().is_empty());
    }
}
