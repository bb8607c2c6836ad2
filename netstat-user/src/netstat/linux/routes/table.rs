//! The routing tables in /proc: /proc/net/route (`fib_route_seq_show`, net/ipv4/fib_trie.c) and /proc/net/ipv6_route
//! (`ipv6_route_native_seq_show`, net/ipv6/route.c). Columns are split at the kernel's separators only: the name of an
//! interface may contain every other byte.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    flags,
    route::{Route, Route6},
};
use crate::{model::InterfaceName, netstat::linux::notes::Notes, readers::proc_net};

/// IPv4's routes that are up.
///
/// # Errors
/// The file can't be read.
pub fn inet(notes: &Notes) -> Result<Vec<Route>> {
    let path = proc_net::own("route");
    let text = fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
    ensure!(!text.is_empty(), "{} is empty: not even the title is there", path.display());
    let mut lost = 0;
    // The first line is the title.
    let mut routes = parse(lines(&text).skip(1), route, &mut lost);
    notes.lines_lost(&path, lost);
    routes.retain(|route| flags::is_up(route.flags));
    Ok(routes)
}

/// IPv6's routes, without the exceptions for one destination.
///
/// # Errors
/// The file can't be read, as on a host without IPv6.
pub fn inet6(notes: &Notes) -> Result<Vec<Route6>> {
    let path = proc_net::own("ipv6_route");
    let text = fs::read(&path).with_context(|| {
        format!("can't read {}: is /proc mounted, and IPv6 not switched off?", path.display())
    })?;
    let mut lost = 0;
    let mut routes = parse(lines(&text), route6, &mut lost);
    notes.lines_lost(&path, lost);
    routes.retain(|route| !flags::is_cached(route.flags));
    Ok(routes)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn parse<'a, R>(
    lines: impl Iterator<Item = &'a [u8]>,
    route: fn(&[u8]) -> Option<R>,
    lost: &mut usize,
) -> Vec<R> {
    let parsed = lines.filter_map(|line| {
        let route = route(line);
        *lost += usize::from(route.is_none());
        route
    });
    parsed.collect()
}

/// Parses a line: interface, destination, gateway, flags, references, uses, metric, mask, MSS, window, IRTT, separated by
/// tabs; blanks fill it up.
pub(crate) fn route(line: &[u8]) -> Option<Route> {
    let mut words = line.trim_ascii_end().split(|byte| *byte == b'\t');
    let interface = words.next()?;
    let mut text = || str::from_utf8(words.next()?).ok();
    let mut hex = || u32::from_str_radix(text()?, 16).ok();
    let (destination, gateway, flags) = (hex()?, hex()?, hex()?);
    // The kernel writes the metric as a signed number.
    let mut decimal = || text()?.parse::<i64>().ok().map(|number| number as u32);
    let (references, uses, metric) = (decimal()?, decimal()?, decimal()?);
    let mask = u32::from_str_radix(text()?, 16).ok()?;
    let mut decimal = || text()?.parse().ok();
    let (mss, window, irtt) = (decimal()?, decimal()?, decimal()?);
    let [destination, gateway, mask] =
        [destination, gateway, mask].map(|word| Ipv4Addr::from(word.to_ne_bytes()));
    Some(Route {
        destination,
        gateway,
        mask,
        flags,
        references,
        uses,
        metric,
        mss,
        window,
        irtt,
        // The kernel's sign for no interface.
        interface: if interface == b"*" { None } else { Some(InterfaceName::new(interface)?) },
        details: None,
    })
}

/// Parses a line: destination, its prefix, source, its prefix, next hop, metric, references, uses, flags, interface,
/// separated by blanks.
pub(crate) fn route6(line: &[u8]) -> Option<Route6> {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut text = || str::from_utf8(words.next()?).ok();
    let addr = |word: &str| {
        (word.len() == 32).then(|| u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from)).flatten()
    };
    let hex =
        |word: &str, digits| (word.len() == digits).then(|| u32::from_str_radix(word, 16).ok()).flatten();
    let route = Route6 {
        destination: addr(text()?)?,
        prefix_length: hex(text()?, 2)?,
        source: addr(text()?)?,
        source_prefix_length: hex(text()?, 2)?,
        next_hop: addr(text()?)?,
        metric: hex(text()?, 8)?,
        references: hex(text()?, 8)?,
        uses: hex(text()?, 8)?,
        flags: hex(text()?, 8)?,
        interface: None,
    };
    match (words.next(), words.next()) {
        (None, _) => Some(route),
        (Some(name), None) => Some(Route6 { interface: Some(InterfaceName::new(name)?), ..route }),
        (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   ";

    fn with_name(name: &str) -> Vec<u8> {
        let zeros = "0".repeat(32);
        format!("{zeros} 00 {zeros} 00 {zeros} 00000100 00000001 00000000 00000001 {name:>8}").into_bytes()
    }

    #[test]
    fn the_name_of_an_interface_may_contain_every_byte_but_the_kernel_s_separators() {
        for name in [&b"eth0"[..], b"ab\xffcd", "eth0\u{2003}A".as_bytes(), "a\u{85}b".as_bytes(), b"\x1b[2J"]
        {
            let route = route(&[name, &LINE[4..]].concat()).unwrap();
            assert_eq!(route.interface.unwrap().as_bytes(), name);
            assert_eq!((route.gateway, route.metric), (Ipv4Addr::new(192, 168, 2, 1), 100));
            let line = [&with_name("")[..], name].concat();
            assert_eq!(route6(&line).unwrap().interface.unwrap().as_bytes(), name);
        }
        assert_eq!(route6(&with_name("")).unwrap().interface, None);
        assert_eq!(route6(&with_name("a b")), None);
    }

    #[test]
    fn a_bad_line_is_lost_and_no_other() {
        let text = [LINE, b"\nbad\n", LINE, b"\n"].concat();
        let mut lost = 0;
        assert_eq!(parse(lines(&text), route, &mut lost).len(), 2);
        assert_eq!(lost, 1);
    }

    #[test]
    fn a_truncated_line_is_none() {
        assert_eq!(route(b"eth0\t00000000\t0102A8C0\t0003\t0\t0"), None);
        assert_eq!(route(b""), None);
        assert_eq!(route6(b"fd00"), None);
        assert_eq!(route6(b"00 00 00 00 00 00 00 00 00 lo"), None);
        let whole = with_name("eth0");
        for length in 0..whole.len() - "    eth0".len() - 1 {
            assert_eq!(route6(&whole[..length]), None, "{length}");
        }
    }
}
