//! `-i`: the network interfaces and their counters.

use std::fs;

use anyhow::{Context as _, Result};
use procfs::{
    FromRead as _,
    net::{DeviceStatus, InterfaceDeviceStatus},
};
use serde::Serialize;

use super::{
    netlink::{attributes, dump, u32_at},
    print::Page,
};
use crate::{format::visible, netstat::json, readers::proc_net};

/// Size of `struct ifinfomsg` (include/uapi/linux/rtnetlink.h).
const IFINFOMSG_BYTES: usize = 16;

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

struct Interface {
    name: Vec<u8>,
    mtu: u32,
    flags: u32,
    /// None if the interface was added or removed between the two reads.
    counters: Option<DeviceStatus>,
}

/// The interfaces of the calling thread's network namespace, in the order of their names.
fn read(all: bool) -> Result<Vec<Interface>> {
    let path = proc_net::own("dev");
    let failed = || format!("can't read {}", path.display());
    let file = fs::File::open(&path).with_context(failed)?;
    let mut counters = InterfaceDeviceStatus::from_read(file).with_context(failed)?.0;
    let mut found = Vec::new();
    dump(None, libc::RTM_GETLINK, &[0; IFINFOMSG_BYTES], |message| {
        if let Some(mut interface) = interface(message) {
            interface.counters = counters.remove(String::from_utf8_lossy(&interface.name).as_ref());
            found.push(interface);
        }
        Ok(())
    })
    .context("can't list the interfaces")?;
    found.retain(|interface| all || interface.flags & IFF_UP != 0);
    found.sort_by(|a, b| sort_key(&a.name).cmp(&sort_key(&b.name)));
    Ok(found)
}

/// Decodes `struct ifinfomsg` and its attributes; None if a field is missing.
fn interface(message: &[u8]) -> Option<Interface> {
    let flags = u32_at(message, 8)?;
    let (mut name, mut mtu) = (None, None);
    for (kind, value) in attributes(message.get(IFINFOMSG_BYTES..)?) {
        match kind {
            libc::IFLA_IFNAME => name = Some(value.strip_suffix(b"\0").unwrap_or(value).to_vec()),
            libc::IFLA_MTU => mtu = u32_at(value, 0),
            _ => {}
        }
    }
    Some(Interface { name: name?, mtu: mtu?, flags, counters: None })
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
pub fn text(all: bool) -> Result<Vec<u8>> {
    let mut page = Page::default();
    page.text("Kernel Interface table\n");
    page.text("Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n");
    for interface in read(all)? {
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
    Ok(json::lines(read(all)?.iter().map(|Interface { name, mtu, flags, counters }| Line {
        kind: "interface",
        name: netstat_events::text::from_bytes(name).into_owned(),
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

    #[test]
    fn loopback_is_an_interface() {
        let interfaces = read(true).unwrap();
        let loopback = interfaces.iter().find(|interface| interface.name == b"lo").unwrap();
        assert!(
            loopback.flags & libc::IFF_LOOPBACK.cast_unsigned() != 0
                && loopback.mtu > 0
                && loopback.counters.is_some()
        );
    }
}
