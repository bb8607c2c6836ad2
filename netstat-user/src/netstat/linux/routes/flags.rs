//! The letters of a route's flags (include/uapi/linux/route.h and ipv6_route.h), in netstat's order.

const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const HOST: u32 = 0x4;
const REJECT: u32 = 0x200;

const INET: &[(u32, char)] = &[
    (UP, 'U'),
    (GATEWAY, 'G'),
    (HOST, 'H'),
    (0x8, 'R'),
    (0x10, 'D'),
    (0x20, 'M'),
    (0x10000, 'd'),
    (0x20000, 'a'),
    (0x40000, 'c'),
    (0x0020_0000, 'o'),
    (0x0040_0000, 'e'),
    (0x0100_0000, 'c'),
    (0x0200_0000, 'f'),
    (0x0400_0000, 'p'),
    (0x8000_0000, 'l'),
    (0x40, 'u'),
    (0x80, 'w'),
    (0x100, 'i'),
    (0x400, 'n'),
];

const INET6: &[(u32, char)] = &[
    (UP, 'U'),
    (REJECT, '!'),
    (GATEWAY, 'G'),
    (HOST, 'H'),
    (0x10000, 'D'),
    (0x40000, 'A'),
    (super::inet6::CACHE, 'C'),
    (0x20000, 'a'),
    (0x0040_0000, 'e'),
    (0x20, 'm'),
    (0x0020_0000, 'n'),
    (0x0200_0000, 'f'),
];

/// An IPv4 route's. Where nothing goes through, `!` stands for up and gateway.
pub fn inet(flags: u32) -> String {
    if is_reject(flags) {
        return format!("!{}", letters(INET, flags & !(UP | GATEWAY)));
    }
    letters(INET, flags)
}

/// An IPv6 route's.
pub fn inet6(flags: u32) -> String {
    letters(INET6, flags)
}

/// Whether the route is there, and not only prepared.
pub fn is_up(flags: u32) -> bool {
    flags & UP != 0
}

/// Whether it leads to one host.
pub fn is_host(flags: u32) -> bool {
    flags & HOST != 0
}

/// Whether nothing goes through.
pub fn is_reject(flags: u32) -> bool {
    flags & REJECT != 0
}

fn letters(known: &[(u32, char)], flags: u32) -> String {
    known.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_letters() {
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
