//! The network interfaces (RTM_GETLINK): name, flags and counters of each come in one message, so they belong together.

use anyhow::{Context as _, Result, ensure};
use rustc_hash::FxHashMap;

use super::{Attributes, Dump, Request, dump, u32_at, u64_at};
use crate::model::InterfaceName;

/// Size of `struct ifinfomsg` (include/uapi/linux/rtnetlink.h).
const IFINFOMSG_BYTES: usize = 16;
/// include/uapi/linux/if_link.h.
const IFLA_STATS64: u16 = 23;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index: unique in its network namespace.
    pub index: u32,
    /// Its name.
    pub name: InterfaceName,
    /// IFF_UP and so on (include/uapi/linux/if.h).
    pub flags: u32,
    /// The longest packet, bytes.
    pub mtu: u32,
    /// None if the kernel sent none.
    pub counters: Option<Counters>,
}

/// The counters of an interface, summed up as in /proc/net/dev (`dev_seq_printf_stats`, net/core/net-procfs.c).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Received.
    pub received: Direction,
    /// Sent.
    pub sent: Direction,
}

/// The counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Errors.
    pub errors: u64,
    /// Packets that were dropped.
    pub dropped: u64,
    /// Packets that a full queue of the device cost.
    pub overruns: u64,
    /// Errors of a packet's length, checksum or framing; none are counted when sending.
    pub frame: u64,
}

/// The interfaces' names by their indices.
#[derive(Debug, Default)]
pub struct Links {
    names: FxHashMap<u32, InterfaceName>,
    /// Whether the interfaces changed each time they were read, so that names may be missing.
    pub is_inconsistent: bool,
}

impl Link {
    /// All interfaces of the calling thread's network namespace.
    ///
    /// # Errors
    /// Those of [`dump`].
    pub fn all() -> Result<Dump<Self>> {
        let payload = &[0; IFINFOMSG_BYTES];
        let request = Request { protocol: None, kind: libc::RTM_GETLINK, answer: libc::RTM_NEWLINK, payload };
        let listed = dump(&request, |message| decode(message).map(Some)).and_then(|links| {
            // Every network namespace has loopback.
            ensure!(!links.entries.is_empty(), "the kernel's answer has none");
            Ok(links)
        });
        listed.context("can't list the interfaces")
    }
}

impl Links {
    /// The names of the interfaces of the calling thread's network namespace.
    ///
    /// # Errors
    /// Those of [`dump`].
    pub fn read() -> Result<Self> {
        let Dump { entries, is_inconsistent } = Link::all()?;
        Ok(Self { names: entries.into_iter().map(|link| (link.index, link.name)).collect(), is_inconsistent })
    }

    /// The name of an interface; None for 0, and for one that is not, or no longer, there.
    pub fn name(&self, index: u32) -> Option<InterfaceName> {
        self.names.get(&index).copied()
    }
}

/// Decodes `struct ifinfomsg` and its attributes.
pub(crate) fn decode(message: &[u8]) -> Result<Link> {
    let truncated = "rtnetlink sent a truncated message";
    let (index, flags) = (u32_at(message, 4).context(truncated)?, u32_at(message, 8).context(truncated)?);
    let (mut name, mut mtu, mut counters) = (None, None, None);
    for attribute in Attributes::new(message.get(IFINFOMSG_BYTES..).context(truncated)?) {
        match attribute? {
            (libc::IFLA_IFNAME, value) => name = InterfaceName::new(value),
            (libc::IFLA_MTU, value) => mtu = u32_at(value, 0),
            (IFLA_STATS64, value) => counters = decode_counters(value),
            _ => {}
        }
    }
    let missing = || format!("rtnetlink sent no name or MTU of interface {index}");
    Ok(Link { index, name: name.with_context(missing)?, flags, mtu: mtu.with_context(missing)?, counters })
}

/// `struct rtnl_link_stats64` (include/uapi/linux/if_link.h); None if it is truncated.
fn decode_counters(bytes: &[u8]) -> Option<Counters> {
    let at = |field: usize| u64_at(bytes, 8 * field);
    let sum =
        |fields: &[usize]| fields.iter().try_fold(0_u64, |sum, field| Some(sum.wrapping_add(at(*field)?)));
    Some(Counters {
        received: Direction {
            packets: at(0)?,
            bytes: at(2)?,
            errors: at(4)?,
            // rx_dropped and rx_missed_errors.
            dropped: sum(&[6, 15])?,
            overruns: at(14)?,
            // rx_length_errors, rx_over_errors, rx_crc_errors and rx_frame_errors.
            frame: sum(&[10, 11, 12, 13])?,
        },
        sent: Direction {
            packets: at(1)?,
            bytes: at(3)?,
            errors: at(5)?,
            dropped: at(7)?,
            overruns: at(18)?,
            frame: 0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{super::attribute, *};

    fn message() -> Vec<u8> {
        let mut message = vec![0; IFINFOMSG_BYTES];
        message[4..8].copy_from_slice(&7_u32.to_ne_bytes());
        message[8..12].copy_from_slice(&0x1043_u32.to_ne_bytes());
        message.extend(attribute(libc::IFLA_IFNAME, b"ab\xffcd\0"));
        message.extend(attribute(libc::IFLA_MTU, &1500_u32.to_ne_bytes()));
        let counters: Vec<u8> = (1..=24_u64).flat_map(u64::to_ne_bytes).collect();
        message.extend(attribute(IFLA_STATS64, &counters));
        message
    }

    #[test]
    fn a_message_has_the_name_and_the_counters_of_one_interface() {
        let link = decode(&message()).unwrap();
        assert_eq!((link.index, link.flags, link.mtu), (7, 0x1043, 1500));
        assert_eq!(link.name.as_bytes(), b"ab\xffcd");
        let Counters { received, sent } = link.counters.unwrap();
        assert_eq!((received.packets, received.bytes, received.errors), (1, 3, 5));
        assert_eq!((received.dropped, received.overruns, received.frame), (7 + 16, 15, 11 + 12 + 13 + 14));
        assert_eq!((sent.packets, sent.bytes, sent.errors, sent.dropped, sent.overruns), (2, 4, 6, 8, 19));
    }

    #[test]
    fn a_message_without_a_name_or_cut_off_is_an_error() {
        let message = message();
        assert!(decode(&message[..IFINFOMSG_BYTES]).is_err());
        for length in 0..message.len() {
            // Cut off between two attributes, it is whole, but lacks some of them.
            let is_whole = decode(&message[..length]).is_ok_and(|link| link.counters.is_none());
            assert!(is_whole || decode(&message[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn loopback_is_an_interface_with_counters() {
        let links = Link::all().unwrap().entries;
        let loopback = links.iter().find(|link| link.name.as_bytes() == b"lo").unwrap();
        assert!(loopback.mtu > 0 && loopback.counters.is_some());
        assert_eq!(Links::read().unwrap().name(loopback.index), Some(loopback.name));
        assert_eq!(Links::default().name(loopback.index), None);
    }
}
