//! The flags of a route (include/uapi/linux/route.h and ipv6_route.h), and netstat's letters for them.

const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const HOST: u32 = 0x4;
const REJECT: u32 = 0x200;
/// RTF_CACHE: an exception for one destination, such as a path MTU (IPv6).
const CACHE: u32 = 0x0100_0000;

/// The letters of an IPv4 route, in netstat's order.
const INET: &[(u32, char)] = &[
    (UP, 'U'),
    (GATEWAY, 'G'),
    (HOST, 'H'),
    (0x8, 'R'),         // RTF_REINSTATE
    (0x10, 'D'),        // RTF_DYNAMIC
    (0x20, 'M'),        // RTF_MODIFIED
    (0x1_0000, 'd'),    // RTF_DEFAULT
    (0x2_0000, 'a'),    // RTF_ALLONLINK
    (0x4_0000, 'c'),    // RTF_ADDRCONF
    (0x0020_0000, 'o'), // RTF_NONEXTHOP
    (0x0040_0000, 'e'), // RTF_EXPIRES
    (CACHE, 'c'),
    (0x0200_0000, 'f'), // RTF_FLOW
    (0x0400_0000, 'p'), // RTF_POLICY
    (0x8000_0000, 'l'), // RTF_LOCAL
    (0x40, 'u'),        // RTF_MTU
    (0x80, 'w'),        // RTF_WINDOW
    (0x100, 'i'),       // RTF_IRTT
    (0x400, 'n'),       // RTF_NOTCACHED (no longer in route.h)
];

/// The letters of an IPv6 route, in netstat's order.
const INET6: &[(u32, char)] = &[
    (UP, 'U'),
    (REJECT, '!'),
    (GATEWAY, 'G'),
    (HOST, 'H'),
    (0x1_0000, 'D'), // RTF_DEFAULT
    (0x4_0000, 'A'), // RTF_ADDRCONF
    (CACHE, 'C'),
    (0x2_0000, 'a'),    // RTF_ALLONLINK
    (0x0040_0000, 'e'), // RTF_EXPIRES
    (0x20, 'm'),        // RTF_MODIFIED
    (0x0020_0000, 'n'), // RTF_NONEXTHOP
    (0x0200_0000, 'f'), // RTF_FLOW
];

/// The letters of an IPv4 route; for a reject route, `!` replaces those of RTF_UP and RTF_GATEWAY.
pub fn inet(flags: u32) -> String {
    if is_reject(flags) {
        return format!("!{}", letters(INET, flags & !(UP | GATEWAY)));
    }
    letters(INET, flags)
}

/// The letters of an IPv6 route.
pub fn inet6(flags: u32) -> String {
    letters(INET6, flags)
}

/// The flags of an IPv4 route that is up (`fib_flags_trans`, net/ipv4/fib_trie.c).
pub fn of_inet(has_gateway: bool, is_host: bool, is_reject: bool) -> u32 {
    let given = |is_given: bool, flag: u32| if is_given { flag } else { 0 };
    UP | given(has_gateway, GATEWAY) | given(is_host, HOST) | given(is_reject, REJECT)
}

/// Whether the route is usable (RTF_UP).
pub fn is_up(flags: u32) -> bool {
    flags & UP != 0
}

/// Whether the destination is one host (RTF_HOST).
pub fn is_host(flags: u32) -> bool {
    flags & HOST != 0
}

/// Whether packets to the destination are rejected (RTF_REJECT).
pub fn is_reject(flags: u32) -> bool {
    flags & REJECT != 0
}

/// Whether it is an exception for one destination and not in the routing table (RTF_CACHE, IPv6).
pub fn is_cached(flags: u32) -> bool {
    flags & CACHE != 0
}

fn letters(known: &[(u32, char)], flags: u32) -> String {
    known.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_shown_as_letters() {
        for (flags, shown) in
            [(0x3, "UG"), (0x1, "U"), (0x5, "UH"), (0x205, "!H"), (0x201, "!"), (0x41, "Uu")]
        {
            assert_eq!(inet(flags), shown);
        }
        for (flags, shown) in [(0x0020_0001, "Un"), (0x0020_0200, "!n"), (0x0044_0003, "UGAe")] {
            assert_eq!(inet6(flags), shown);
        }
    }
}
