//! `--local-port`, `--remote-port`, `--port`: ports and ranges of ports.

use std::ops::RangeInclusive;

use netstat_ebpf::wire::{MAX_RANGES, PortRange};

use super::values::ValueSet;

/// Ports, as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(Vec<RangeInclusive<u16>>);

/// Parses `443` or `8000-8999`.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let Some((first, last)) = text.split_once('-') else {
        let port = parse_port(text)?;
        return Ok(port..=port);
    };
    let range = parse_port(first)?..=parse_port(last)?;
    if range.is_empty() {
        return Err(format!("the range ends before it begins: did you mean {last}-{first}?"));
    }
    Ok(range)
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.trim().parse() {
        Ok(0) | Err(_) => {
            Err(format!("{text:?} is no port: say a number from 1 to 65535, like 443 or 8000-8999"))
        }
        Ok(port) => Ok(port),
    }
}

impl FromIterator<RangeInclusive<u16>> for PortSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u16>>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u16>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*range.end().max(last.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl ValueSet for PortSet {
    type Value = u16;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}

impl PortSet {
    /// The ranges for the kernel side; None if the option was not given, or has more ranges than the kernel side compares.
    pub(super) fn for_kernel(&self) -> Option<[PortRange; MAX_RANGES]> {
        if self.is_empty() || self.0.len() > MAX_RANGES {
            return None;
        }
        let mut ranges = [PortRange::EMPTY; MAX_RANGES];
        for (slot, range) in ranges.iter_mut().zip(&self.0) {
            *slot = PortRange { first: *range.start(), last: *range.end() };
        }
        Some(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> PortSet {
        texts.iter().map(|text| parse_ports(text).unwrap()).collect()
    }

    #[test]
    fn ports_and_ranges_are_parsed() {
        assert_eq!(parse_ports("443"), Ok(443..=443));
        assert_eq!(parse_ports("8000-8999"), Ok(8000..=8999));
        assert_eq!(parse_ports("1-65535"), Ok(1..=65535));
        assert_eq!(parse_ports("80-80"), Ok(80..=80));
    }

    #[test]
    fn the_error_names_the_text_that_is_no_port() {
        for (text, named) in [
            ("70000", "\"70000\" is no port"),
            ("0", "\"0\" is no port"),
            ("0-80", "\"0\" is no port"),
            ("abc", "\"abc\" is no port"),
            ("", "\"\" is no port"),
            ("-80", "\"\" is no port"),
            ("80-", "\"\" is no port"),
            ("1-2-3", "\"2-3\" is no port"),
            ("80-79", "did you mean 79-80?"),
        ] {
            let error = parse_ports(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_merged() {
        assert_eq!(set(&["443", "80", "81", "70-79", "440-450", "441"]), set(&["70-81", "440-450"]));
        assert_eq!(set(&["65535", "1-65535", "2"]), set(&["1-65535"]));
        assert_eq!(set(&["80", "82"]).0.len(), 2);
    }

    #[test]
    fn a_port_matches_by_one_of_the_ranges() {
        let ports = set(&["80", "8000-8999"]);
        for (port, expected) in
            [(79, false), (80, true), (81, false), (8000, true), (8999, true), (9000, false)]
        {
            assert_eq!(ports.contains(port), expected, "{port}");
        }
    }

    #[test]
    fn the_kernel_side_gets_the_ranges_unless_there_are_too_many() {
        assert_eq!(set(&[]).for_kernel(), None);
        let ranges = set(&["443", "80"]).for_kernel().unwrap();
        assert_eq!(ranges[0], PortRange { first: 80, last: 80 });
        assert_eq!(ranges[1], PortRange { first: 443, last: 443 });
        assert_eq!(ranges[2], PortRange::EMPTY);
        assert!(set(&["1", "3", "5", "7"]).for_kernel().is_some());
        assert_eq!(set(&["1", "3", "5", "7", "9"]).for_kernel(), None);
    }
}
