//! `--summary`: how many sockets, by state, by process, by remote address.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{json, print::Page, socket::Transport, view::View};

/// The counts, each list with the most frequent first.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    states: Counts,
    owners: Counts,
    remotes: Counts,
}

type Counts = Vec<(String, u64)>;

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    by: &'static str,
    key: &'a str,
    count: u64,
}

impl Summary {
    /// Counts. A socket with several holders counts for each.
    pub fn of(view: &View) -> Self {
        let mut states: FxHashMap<(&str, &str), u64> = FxHashMap::default();
        let mut owners: FxHashMap<u32, u64> = FxHashMap::default();
        let mut remotes: FxHashMap<IpAddr, u64> = FxHashMap::default();
        let mut unowned = 0;
        for socket in &view.inet {
            let state = if socket.proto.transport == Transport::Raw { "" } else { socket.state_name() };
            *states.entry((socket.proto.name(), state)).or_default() += 1;
            if !socket.is_server() {
                *remotes.entry(socket.remote.addr.to_canonical()).or_default() += 1;
            }
        }
        for socket in &view.unix {
            *states.entry(("unix", socket.state_name())).or_default() += 1;
        }
        let mut names: FxHashMap<u32, &str> = FxHashMap::default();
        let inodes =
            view.inet.iter().map(|socket| socket.inode).chain(view.unix.iter().map(|socket| socket.inode));
        for inode in inodes {
            let mut is_owned = false;
            for (pid, process) in view.owners.of(inode) {
                is_owned = true;
                *owners.entry(pid).or_default() += 1;
                names.insert(pid, &process.program);
            }
            unowned += u64::from(!is_owned);
        }
        let name = |pid: u32| format!("{pid}/{}", names.get(&pid).copied().unwrap_or_default());
        let mut owners: Counts = owners.into_iter().map(|(pid, count)| (name(pid), count)).collect();
        if unowned > 0 {
            owners.push(("-".to_owned(), unowned));
        }
        let state = |(proto, state): (&str, &str)| format!("{proto} {state}").trim_end().to_owned();
        Self {
            states: sorted(states.into_iter().map(|(key, count)| (state(key), count)).collect()),
            owners: sorted(owners),
            remotes: sorted(remotes.into_iter().map(|(addr, count)| (addr.to_string(), count)).collect()),
        }
    }

    fn lists(&self) -> [(&'static str, &'static str, &Counts); 3] {
        [
            ("state", "State", &self.states),
            ("owner", "PID/Program name", &self.owners),
            ("remote", "Foreign Address", &self.remotes),
        ]
    }

    /// For people: a count and a name a line.
    pub fn text(&self) -> Vec<u8> {
        let mut page = Page::default();
        for (_, title, counts) in self.lists().iter().filter(|(_, _, counts)| !counts.is_empty()) {
            if !page.is_empty() {
                page.text("\n");
            }
            page.text(&format!("  Count {title}\n"));
            for (key, count) in *counts {
                page.right(*count, 7);
                page.text(" ");
                page.text(key);
                page.text("\n");
            }
        }
        page.into_bytes()
    }

    /// JSON Lines.
    pub fn json(&self) -> Vec<u8> {
        let lines = self.lists().into_iter().flat_map(|(by, _, counts)| {
            counts.iter().map(move |(key, count)| Line { kind: "summary", by, key, count: *count })
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
    fn the_most_frequent_comes_first_and_equals_in_order_of_their_names() {
        let counts = [("b", 1), ("a", 1), ("c", 9)].map(|(key, count)| (key.to_owned(), count));
        let keys: Vec<String> = sorted(counts.to_vec()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["c", "a", "b"]);
    }

    #[test]
    fn nothing_is_an_empty_page() {
        assert!(Summary::of(&View::default()).text().is_empty());
    }
}
