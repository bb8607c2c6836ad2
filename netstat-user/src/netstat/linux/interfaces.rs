//! `-i`: the network interfaces and their counters.

use anyhow::Result;
use netstat_events::text;
use serde::Serialize;

use super::{notes::Notes, print::Page};
use crate::{
    format::visible,
    netstat::json,
    readers::netlink::{self, Counters, Dump, Link},
};

const IFF_UP: u32 = libc::IFF_UP.cast_unsigned();
/// netstat's letters for the flags, in its order.
const FLAGS: &[(i32, char)] = &[
    (libc::IFF_ALLMULTI, 'A'),
    (libc::IFF_BROADCAST, 'B'),
    (libc::IFF_DEBUG, 'D'),
    (libc::IFF_LOOPBACK, 'L'),
    (libc::IFF_MULTICAST, 'M'),
    (libc::IFF_DYNAMIC, 'd'),
    (libc::IFF_PROMISC, 'P'),
    (libc::IFF_NOTRAILERS, 'N'),
    (libc::IFF_NOARP, 'O'),
    (libc::IFF_POINTOPOINT, 'P'),
    (libc::IFF_SLAVE, 's'),
    (libc::IFF_MASTER, 'm'),
    (libc::IFF_RUNNING, 'R'),
    (libc::IFF_UP, 'U'),
];

/// The interfaces of the calling thread's network namespace, in the order of their names.
fn read(all: bool, notes: &Notes) -> Result<Vec<Link>> {
    let Dump { entries: mut links, is_inconsistent } = Link::all()?;
    notes.inconsistent("the interfaces", is_inconsistent);
    links.retain(|link| all || link.flags & IFF_UP != 0);
    links.sort_by(|a, b| sort_key(a.name.as_bytes()).cmp(&sort_key(b.name.as_bytes())));
    Ok(links)
}

/// Splits a name into letters and number, so that eth2 comes before eth10.
fn sort_key(name: &[u8]) -> (&[u8], u64) {
    let letters = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let number = str::from_utf8(&name[letters..]).ok().and_then(|digits| digits.parse().ok());
    (&name[..letters], number.unwrap_or(0))
}

fn letters(flags: u32) -> String {
    if flags & 0xffff == 0 {
        return "[NO FLAGS]".to_owned();
    }
    FLAGS.iter().filter(|(flag, _)| flags & flag.cast_unsigned() != 0).map(|(_, letter)| letter).collect()
}

/// The table.
///
/// # Errors
/// The interfaces can't be listed.
pub fn text(all: bool, notes: &Notes) -> Result<Vec<u8>> {
    let mut page = Page::default();
    page.text("Kernel Interface table\n");
    page.text("Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n");
    for link in read(all, notes)? {
        page.left(&visible(link.name.as_bytes()), 15);
        page.text(&format!(" {:>5} ", link.mtu));
        match &link.counters {
            Some(Counters { received, sent }) => {
                let netlink::Direction { bytes: _, packets, errors, dropped, overruns, frame } = received;
                let errors = errors.wrapping_add(*frame);
                page.text(&format!("{packets:>8} {errors:>6} {dropped:>6} {overruns:<6} "));
                let netlink::Direction { bytes: _, packets, errors, dropped, overruns, frame: _ } = sent;
                page.text(&format!("{packets:>8} {errors:>6} {dropped:>6} {overruns:>6} "));
            }
            None => page.left("     - no statistics available -", 56),
        }
        page.text(&letters(link.flags));
        page.text("\n");
    }
    Ok(page.into_bytes())
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    name: String,
    mtu: u32,
    flags: String,
    up: bool,
    received: Option<Direction>,
    sent: Option<Direction>,
    index: u32,
}

#[derive(Serialize)]
struct Direction {
    bytes: u64,
    packets: u64,
    errors: u64,
    dropped: u64,
    overruns: u64,
}

/// JSON Lines.
///
/// # Errors
/// The interfaces can't be listed.
pub fn json(all: bool, notes: &Notes) -> Result<Vec<u8>> {
    Ok(json::lines(read(all, notes)?.iter().map(line)))
}

fn line(link: &Link) -> Line {
    let Link { index, name, flags, mtu, counters } = link;
    Line {
        kind: "interface",
        name: text::from_bytes(name.as_bytes()).into_owned(),
        mtu: *mtu,
        flags: letters(*flags),
        up: flags & IFF_UP != 0,
        received: counters.map(|counters| direction(counters.received)),
        sent: counters.map(|counters| direction(counters.sent)),
        index: *index,
    }
}

fn direction(counters: netlink::Direction) -> Direction {
    let netlink::Direction { bytes, packets, errors, dropped, overruns, frame } = counters;
    Direction { bytes, packets, errors: errors.wrapping_add(frame), dropped, overruns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_sorted_by_the_number_in_their_name() {
        let mut names = [&b"lo"[..], b"eth10", b"eth2", b"eth", b"br-12ab"];
        names.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        assert_eq!(names, [&b"br-12ab"[..], b"eth", b"eth2", b"eth10", b"lo"]);
    }

    #[test]
    fn flags_are_shown_as_letters() {
        assert_eq!(letters(0x1043), "BMRU");
        assert_eq!(letters(0x49), "LRU");
        assert_eq!(letters(0x1_0000), "[NO FLAGS]");
    }
}
