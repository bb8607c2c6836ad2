//! `-i`: the network interfaces and what went through them.

use std::fs;

use anyhow::{Context as _, Result};
use procfs::{
    FromRead as _,
    net::{DeviceStatus, InterfaceDeviceStatus},
};
use serde::Serialize;

use super::{print::Page, source};
use crate::{format::visible, netstat::json};

/// include/uapi/linux/rtnetlink.h and if_link.h.
const RTM_GETLINK: u16 = 18;
const LINK: usize = 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;

const IFF_UP: u32 = 0x1;
/// The letters of the flags (include/uapi/linux/if.h), in netstat's order.
const FLAGS: &[(u32, char)] = &[
    (0x200, 'A'),
    (0x2, 'B'),
    (0x4, 'D'),
    (0x8, 'L'),
    (0x1000, 'M'),
    (0x8000, 'd'),
    (0x100, 'P'),
    (0x20, 'N'),
    (0x80, 'O'),
    (0x10, 'P'),
    (0x800, 's'),
    (0x400, 'm'),
    (0x40, 'R'),
    (IFF_UP, 'U'),
];

struct Interface {
    name: Vec<u8>,
    mtu: u32,
    flags: u32,
    /// None if it went while we looked.
    counters: Option<DeviceStatus>,
}

/// The interfaces of the calling thread's network namespace, in the order of their names.
fn look(all: bool) -> Result<Vec<Interface>> {
    let path = "/proc/thread-self/net/dev";
    let text = fs::File::open(path).with_context(|| format!("can't read {path}"))?;
    let mut counters =
        InterfaceDeviceStatus::from_read(text).with_context(|| format!("can't read {path}"))?.0;
    let mut found = Vec::new();
    source::dump(None, RTM_GETLINK, &[0; LINK], |answer| {
        if let Some(mut interface) = interface(answer) {
            interface.counters = counters.remove(String::from_utf8_lossy(&interface.name).as_ref());
            found.push(interface);
        }
        Ok(())
    })
    .context("can't list the interfaces")?;
    found.retain(|interface| all || interface.flags & IFF_UP != 0);
    found.sort_by(|a, b| in_order(&a.name).cmp(&in_order(&b.name)));
    Ok(found)
}

/// `struct ifinfomsg` and attributes.
fn interface(answer: &[u8]) -> Option<Interface> {
    let flags = source::number(answer, 8)?;
    let (mut name, mut mtu) = (None, None);
    for (kind, value) in source::attributes(answer.get(LINK..)?) {
        match kind {
            IFLA_IFNAME => name = Some(value.strip_suffix(b"\0").unwrap_or(value).to_vec()),
            IFLA_MTU => mtu = source::number(value, 0),
            _ => {}
        }
    }
    Some(Interface { name: name?, mtu: mtu?, flags, counters: None })
}

/// eth2 before eth10.
fn in_order(name: &[u8]) -> (&[u8], u64) {
    let letters = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let number = str::from_utf8(&name[letters..]).ok().and_then(|digits| digits.parse().ok());
    (&name[..letters], number.unwrap_or(0))
}

fn letters(flags: u32) -> String {
    if flags & 0xffff == 0 {
        return "[NO FLAGS]".to_owned();
    }
    FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, letter)| letter).collect()
}

/// For people.
///
/// # Errors
/// The interfaces can't be listed.
pub fn text(all: bool) -> Result<Vec<u8>> {
    let mut page = Page::default();
    page.text("Kernel Interface table\n");
    page.text("Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n");
    for interface in look(all)? {
        page.text(&format!("{:<15} {:>5} ", visible(&interface.name), interface.mtu));
        match &interface.counters {
            Some(DeviceStatus {
                recv_packets,
                recv_errs,
                recv_frame,
                recv_drop,
                recv_fifo,
                sent_packets,
                sent_errs,
                sent_drop,
                sent_fifo,
                ..
            }) => {
                let recv_errs = recv_errs + recv_frame;
                page.text(&format!("{recv_packets:>8} {recv_errs:>6} {recv_drop:>6} {recv_fifo:<6} "));
                page.text(&format!("{sent_packets:>8} {sent_errs:>6} {sent_drop:>6} {sent_fifo:>6} "));
            }
            None => page.left("     - no statistics available -", 56),
        }
        page.text(&letters(interface.flags));
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
pub fn json(all: bool) -> Result<Vec<u8>> {
    Ok(json::lines(look(all)?.iter().map(|Interface { name, mtu, flags, counters }| Line {
        kind: "interface",
        name: visible(name),
        mtu: *mtu,
        flags: letters(*flags),
        up: flags & IFF_UP != 0,
        received: counters.as_ref().map(|counters| Direction {
            bytes: counters.recv_bytes,
            packets: counters.recv_packets,
            errors: counters.recv_errs + counters.recv_frame,
            dropped: counters.recv_drop,
            overruns: counters.recv_fifo,
        }),
        sent: counters.as_ref().map(|counters| Direction {
            bytes: counters.sent_bytes,
            packets: counters.sent_packets,
            errors: counters.sent_errs,
            dropped: counters.sent_drop,
            overruns: counters.sent_fifo,
        }),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_in_which_people_count() {
        let mut names = [&b"lo"[..], b"eth10", b"eth2", b"eth", b"br-12ab"];
        names.sort_by(|a, b| in_order(a).cmp(&in_order(b)));
        assert_eq!(names, [&b"br-12ab"[..], b"eth", b"eth2", b"eth10", b"lo"]);
    }

    #[test]
    fn flags_are_letters() {
        assert_eq!(letters(0x1043), "BMRU");
        assert_eq!(letters(0x49), "LRU");
        assert_eq!(letters(0x1_0000), "[NO FLAGS]");
    }

    #[test]
    fn loopback_is_an_interface() {
        let interfaces = look(true).unwrap();
        let loopback = interfaces.iter().find(|interface| interface.name == b"lo").unwrap();
        assert!(loopback.flags & 0x8 != 0 && loopback.mtu > 0 && loopback.counters.is_some());
    }
}
