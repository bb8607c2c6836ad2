//! The kernel's answers over netlink: interfaces, routes, nexthop objects, Internet and UNIX sockets.

use anyhow::Result;

use crate::{
    netstat::linux::{
        routes::{nexthops, rtnetlink},
        socket::{Proto, Transport},
        sockets::{inet_diag, unix::diag},
    },
    readers::netlink::{Dump, links, read},
};

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The datagrams of a dump, one after the other.
pub fn netlink(input: &[u8]) {
    let tcp = |ipv6| Proto { transport: Transport::Tcp, ipv6 };
    dump(input, libc::RTM_NEWLINK, |message| links::decode(message).map(Some));
    for ipv6 in [false, true] {
        dump(input, libc::RTM_NEWROUTE, |message| rtnetlink::decode(message, ipv6));
        dump(input, inet_diag::SOCK_DIAG_BY_FAMILY, |message| {
            inet_diag::decode(message, tcp(ipv6), 7).map(Some)
        });
    }
    dump(input, nexthops::RTM_NEWNEXTHOP, |message| nexthops::decode(message).map(Some));
    dump(input, inet_diag::SOCK_DIAG_BY_FAMILY, |message| diag::decode(message, 7).map(Some));
}

/// A dump is whole only if each of its messages was decoded, and the kernel said that nothing is missing.
fn dump<T>(datagram: &[u8], answer: u16, decode: impl Fn(&[u8]) -> Result<Option<T>>) {
    let mut found = Dump { entries: Vec::new(), is_inconsistent: false };
    let Ok(is_done) = read(datagram, answer, &mut |message| decode(message), &mut found) else { return };
    let mut rest = datagram;
    let (mut expected, mut ends) = (0, false);
    while let [a, b, c, d, kind_low, kind_high, ..] = *rest {
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        let payload = rest.get(16..length).expect("a message is truncated, and the dump has no error");
        match u16::from_ne_bytes([kind_low, kind_high]) {
            NLMSG_DONE => {
                assert_eq!(payload.get(..4), Some(&[0; 4][..]), "an error ends the dump");
                ends = true;
                break;
            }
            NLMSG_ERROR => panic!("an error is in the dump"),
            NLMSG_NOOP => {}
            kind => {
                assert_eq!(kind, answer);
                expected +=
                    usize::from(decode(payload).expect("a malformed message is in the dump").is_some());
            }
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    assert!(ends || rest.is_empty(), "the dump ends within a message");
    assert_eq!((is_done, found.entries.len()), (ends, expected));
}
