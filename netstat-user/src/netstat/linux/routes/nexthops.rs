//! Nexthop objects (RTM_GETNEXTHOP, since Linux 5.3): what a route refers to that has no next hops of its own.

use anyhow::{Context as _, Result};
use rustc_hash::FxHashMap;

use super::next_hop::{NextHop, address};
use crate::readers::netlink::{Attributes, Request, dump, u32_at};

/// include/uapi/linux/rtnetlink.h.
pub(crate) const RTM_NEWNEXTHOP: u16 = 104;
const RTM_GETNEXTHOP: u16 = 106;
/// Size of `struct nhmsg` (include/uapi/linux/nexthop.h).
const NHMSG_BYTES: usize = 8;
/// Size of `struct nexthop_grp`.
const MEMBER_BYTES: usize = 8;
/// The attributes.
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;

/// Index of loopback in every network namespace (`LOOPBACK_IFINDEX`, include/net/flow.h). An object that discards packets is
/// on it (`nexthop_create`, net/ipv4/nexthop.c), though its message doesn't say so.
const LOOPBACK: u32 = 1;

/// The objects of a network namespace.
#[derive(Debug, Default)]
pub struct Nexthops {
    objects: FxHashMap<u32, Object>,
    /// Whether the objects changed each time they were read.
    pub is_inconsistent: bool,
}

/// A nexthop object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// One next hop; None for an object that no route uses.
    Single(Option<NextHop>),
    /// Others, by their ids, each with its weight.
    Group(Vec<(u32, u32)>),
}

impl Nexthops {
    /// The objects of the calling thread's network namespace.
    pub fn read() -> Result<Self> {
        let payload = &[0; NHMSG_BYTES];
        let request = Request { protocol: None, kind: RTM_GETNEXTHOP, answer: RTM_NEWNEXTHOP, payload };
        let dump = dump(&request, |message| decode(message).map(Some))
            .context("can't list the nexthop objects that routes use")?;
        Ok(Self { objects: dump.entries.into_iter().collect(), is_inconsistent: dump.is_inconsistent })
    }

    /// The next hops of an object; None if it, or one of its group, is not there.
    pub fn of(&self, id: u32) -> Option<Vec<NextHop>> {
        let single = |id: &u32| match self.objects.get(id)? {
            Object::Single(hop) => Some(*hop),
            // A group has no groups (`valid_group_nh`, net/ipv4/nexthop.c).
            Object::Group(_) => None,
        };
        match self.objects.get(&id)? {
            Object::Single(hop) => Some(hop.iter().copied().collect()),
            Object::Group(members) => {
                let hops: Option<Vec<_>> =
                    members.iter().map(|(id, weight)| Some((single(id)?, *weight))).collect();
                Some(hops?.into_iter().filter_map(|(hop, weight)| Some(NextHop { weight, ..hop? })).collect())
            }
        }
    }
}

pub(crate) fn decode(message: &[u8]) -> Result<(u32, Object)> {
    let truncated = "rtnetlink sent a truncated nexthop object";
    let (mut id, mut group, mut index, mut gateway) = (None, None, None, None);
    for attribute in Attributes::new(message.get(NHMSG_BYTES..).context(truncated)?) {
        match attribute? {
            (NHA_ID, value) => id = u32_at(value, 0),
            (NHA_GROUP, value) => group = Some(members(value)),
            (NHA_BLACKHOLE, _) => index = Some(LOOPBACK),
            (NHA_OIF, value) => index = u32_at(value, 0),
            (NHA_GATEWAY, value) => gateway = Some(address(value).context(truncated)?),
            _ => {}
        }
    }
    let object = match (group, index) {
        (Some(members), _) => Object::Group(members),
        (None, Some(index)) => Object::Single(Some(NextHop { gateway, index, interface: None, weight: 1 })),
        (None, None) => Object::Single(None),
    };
    Ok((id.context(truncated)?, object))
}

/// The `struct nexthop_grp` of a group: id, and the weight minus 1, whose upper byte is another field (since 6.12).
fn members(bytes: &[u8]) -> Vec<(u32, u32)> {
    let member = |bytes: &[u8; MEMBER_BYTES]| {
        let [a, b, c, d, weight, weight_high, ..] = *bytes;
        (u32::from_ne_bytes([a, b, c, d]), u32::from(u16::from_le_bytes([weight, weight_high])) + 1)
    };
    bytes.as_chunks::<MEMBER_BYTES>().0.iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::netlink::attribute;

    #[test]
    fn a_group_has_the_next_hops_of_its_members_with_their_weights() {
        let hop = |index| NextHop { gateway: None, index, interface: None, weight: 1 };
        let objects = [
            (1, Object::Single(Some(hop(3)))),
            (2, Object::Single(None)),
            (5, Object::Group(members(&[1, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]))),
            (6, Object::Group(vec![(1, 1), (99, 1)])),
        ];
        let nexthops = Nexthops { objects: objects.into_iter().collect(), is_inconsistent: false };
        assert_eq!(nexthops.of(1), Some(vec![hop(3)]));
        assert_eq!(nexthops.of(2), Some(vec![]));
        assert_eq!(nexthops.of(5), Some(vec![NextHop { weight: 10, ..hop(3) }]));
        assert_eq!((nexthops.of(6), nexthops.of(99)), (None, None));
    }

    #[test]
    fn an_object_that_discards_packets_is_on_loopback() {
        let message =
            [&[0; NHMSG_BYTES][..], &attribute(NHA_ID, &[4, 0, 0, 0]), &attribute(NHA_BLACKHOLE, &[])];
        let on_loopback = NextHop { gateway: None, index: LOOPBACK, interface: None, weight: 1 };
        assert_eq!(decode(&message.concat()).unwrap(), (4, Object::Single(Some(on_loopback))));
    }

    #[test]
    fn a_truncated_message_is_an_error() {
        assert!(decode(&[0; NHMSG_BYTES]).is_err());
        assert!(decode(&[0; NHMSG_BYTES - 1]).is_err());
    }
}
