//! Addresses of kernel functions, from /proc/kallsyms.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

const KALLSYMS: &str = "/proc/kallsyms";

/// The addresses of the timers' functions; 0 for one that is hidden or that the kernel doesn't have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbols {
    /// Retransmits the segments of a full socket.
    pub tcp_write_timer: u64,
    /// Removes a timewait socket.
    pub tw_timer_handler: u64,
    /// Retransmits a SYN-ACK, or removes a request socket.
    pub reqsk_timer_handler: u64,
}

/// Reads the addresses, which takes tens of milliseconds: the kernel lists all its symbols.
pub fn symbols() -> Symbols {
    let [tcp_write_timer, tw_timer_handler, reqsk_timer_handler] =
        addresses(["tcp_write_timer", "tw_timer_handler", "reqsk_timer_handler"]);
    Symbols { tcp_write_timer, tw_timer_handler, reqsk_timer_handler }
}

/// The addresses of these symbols; 0 for one that the kernel doesn't have or hides (`kernel.kptr_restrict`, or no
/// CAP_SYSLOG).
fn addresses<const N: usize>(names: [&str; N]) -> [u64; N] {
    File::open(KALLSYMS).map_or([0; N], |file| addresses_in(BufReader::with_capacity(1 << 16, file), names))
}

/// The addresses of these symbols in a list like /proc/kallsyms: the first line with a name decides.
pub(crate) fn addresses_in<const N: usize>(mut file: impl BufRead, names: [&str; N]) -> [u64; N] {
    let mut found = [None; N];
    let mut line = Vec::with_capacity(128);
    while found.contains(&None) {
        line.clear();
        match file.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let Some((address, name)) = parse(&line) else { continue };
        if let Some(index) = names.iter().position(|wanted| wanted.as_bytes() == name) {
            found[index].get_or_insert(address);
        }
    }
    found.map(Option::unwrap_or_default)
}

/// Why [`addresses`] found none, and what the user can do (kernel/ksyms_common.c, `kallsyms_show_value`, 6.18).
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
        let list = "1 t b\n2 t b\n0 t c\n3 t a\n4 t a\n";
        assert_eq!(addresses_in(list.as_bytes(), ["a", "b", "c", "d"]), [3, 1, 0, 0]);
        assert_eq!(addresses_in("0 t b\n1 t b\n2 t a\n".as_bytes(), ["a", "b"]), [2, 0]);
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
