//! Addresses of kernel functions, from /proc/kallsyms.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use netstat_ebpf::wire::{CodeRange, MAX_CALLERS, caller};

const KALLSYMS: &str = "/proc/kallsyms";

/// The addresses of kernel functions; 0 for one that is hidden or that the kernel doesn't have.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    /// Retransmits the segments of a full socket.
    pub tcp_write_timer: u64,
    /// Removes a timewait socket.
    pub tw_timer_handler: u64,
    /// Retransmits a SYN-ACK, or removes a request socket.
    pub reqsk_timer_handler: u64,
    /// The functions that remove minisockets before their time. The used ranges come first.
    pub callers: [CodeRange; MAX_CALLERS],
}

impl Default for Symbols {
    /// All are hidden.
    fn default() -> Self {
        let callers = [CodeRange::EMPTY; MAX_CALLERS];
        Self { tcp_write_timer: 0, tw_timer_handler: 0, reqsk_timer_handler: 0, callers }
    }
}

const TIMERS: [&str; 3] = ["tcp_write_timer", "tw_timer_handler", "reqsk_timer_handler"];

/// The functions that remove minisockets before their time (5.10 to 6.18). Not every kernel has all of them.
const CALLERS: [(&str, u8); 10] = [
    ("tcp_check_req", caller::SEGMENT),
    ("tcp_timewait_state_process", caller::SEGMENT),
    ("tcp_v4_err", caller::ICMP),
    ("tcp_v6_err", caller::ICMP),
    ("tcp_req_err", caller::ICMP),
    ("tcp_abort", caller::ABORT),
    ("inet_twsk_purge", caller::NAMESPACE),
    ("tcp_twsk_purge", caller::NAMESPACE),
    ("tcp_v4_rcv", caller::RECEIVE),
    ("tcp_v6_rcv", caller::RECEIVE),
];

/// Reads the addresses, which takes tens of milliseconds: the kernel lists all its symbols. `kernel.kptr_restrict`, or the
/// lack of CAP_SYSLOG, hides them.
pub fn symbols() -> Symbols {
    File::open(KALLSYMS)
        .map_or_else(|_| Symbols::default(), |file| symbols_in(BufReader::with_capacity(1 << 16, file)))
}

/// The addresses in a list like /proc/kallsyms: the first line with a name decides. A function ends where the next symbol
/// with a larger address begins, because the list is in the order of addresses.
pub(crate) fn symbols_in(mut list: impl BufRead) -> Symbols {
    let mut timers = [None; TIMERS.len()];
    let mut functions = [None; CALLERS.len()];
    let mut line = Vec::with_capacity(128);
    let mut last = None;
    while last.is_some() || timers.contains(&None) || functions.contains(&None) {
        line.clear();
        match list.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let Some((address, name)) = parse(&line) else { continue };
        if let Some(CodeRange { start, end, .. }) =
            last.and_then(|index: usize| functions.get_mut(index)?.as_mut())
            && address > *start
        {
            *end = address;
            last = None;
        }
        if let Some(index) = TIMERS.iter().position(|wanted| wanted.as_bytes() == name) {
            timers[index].get_or_insert(address);
        } else if let Some(index) = CALLERS.iter().position(|(wanted, _)| wanted.as_bytes() == name)
            && functions[index].is_none()
        {
            let caller = CALLERS[index].1;
            functions[index] = Some(CodeRange { start: address, end: address, caller, unused: [0; 7] });
            last = Some(index);
        }
    }
    let mut symbols = Symbols::default();
    [symbols.tcp_write_timer, symbols.tw_timer_handler, symbols.reqsk_timer_handler] =
        timers.map(Option::unwrap_or_default);
    let found = functions.into_iter().flatten().filter(|range| range.start < range.end);
    for (range, found) in symbols.callers.iter_mut().zip(found) {
        *range = found;
    }
    symbols
}

/// Why [`symbols`] found none, and what the user can do (kernel/ksyms_common.c, `kallsyms_show_value`, 6.18).
pub fn why_hidden() -> &'static str {
    let restricted = std::fs::read_to_string("/proc/sys/kernel/kptr_restrict");
    if restricted.is_ok_and(|level| level.trim() == "2") {
        "kernel.kptr_restrict is 2 and /proc/kallsyms hides addresses (sysctl kernel.kptr_restrict=1)"
    } else {
        "/proc/kallsyms shows no addresses: they take CAP_SYSLOG"
    }
}

/// Address and name in a line like `ffffffff82006870 t tw_timer_handler`, which may end with `\t[module]`.
pub(crate) fn parse(line: &[u8]) -> Option<(u64, &[u8])> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
    if !matches!(kind, b"t" | b"T" | b"d" | b"D" | b"r" | b"R") {
        return None;
    }
    let address = std::str::from_utf8(address).ok()?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_each_symbol_has_its_address() {
        let list = "1 t tw_timer_handler\n2 t tw_timer_handler\n0 t reqsk_timer_handler\n\
                    3 t tcp_write_timer\n4 t tcp_write_timer\n5 t reqsk_timer_handler\n";
        let symbols = symbols_in(list.as_bytes());
        assert_eq!(
            [symbols.tcp_write_timer, symbols.tw_timer_handler, symbols.reqsk_timer_handler],
            [3, 1, 0]
        );
    }

    #[test]
    fn a_function_reaches_to_the_next_symbol() {
        let list = "100 t reqsk_timer_handler\n200 T tcp_abort\n200 T __pfx_alias\n280 t other\n\
                    300 T tcp_check_req\n320 T tcp_v4_rcv\n400 T other\n500 T tcp_abort\n600 T tcp_req_err\n";
        let used = symbols_in(list.as_bytes()).callers.map(|range| (range.caller, range.start, range.end));
        // Where tcp_req_err ends is not known.
        assert_eq!(
            used[..4],
            [
                (caller::SEGMENT, 0x300, 0x320),
                (caller::ABORT, 0x200, 0x280),
                (caller::RECEIVE, 0x320, 0x400),
                (0, 0, 0)
            ]
        );
    }

    #[test]
    fn hidden_addresses_are_no_functions() {
        let symbols = symbols_in(&b"0000000000000000 T tcp_abort\n0000000000000000 T tcp_check_req\n"[..]);
        assert_eq!(symbols.callers, [CodeRange::EMPTY; MAX_CALLERS]);
    }

    #[test]
    fn the_line_of_a_function_has_its_address() {
        assert_eq!(
            parse(b"ffffffff82006870 t tw_timer_handler\n"),
            Some((0xffff_ffff_8200_6870, &b"tw_timer_handler"[..]))
        );
        assert_eq!(
            parse(b"ffffffffc0001000 t helper\t[module]\n"),
            Some((0xffff_ffff_c000_1000, &b"helper"[..]))
        );
        assert_eq!(parse(b"ffffffff82006870 A some_constant\n"), None);
        assert_eq!(parse(b"torn"), None);
    }
}
