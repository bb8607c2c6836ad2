//! Addresses of kernel functions and their tables, from /proc/kallsyms.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

const KALLSYMS: &str = "/proc/kallsyms";

/// The timers' functions, 0 for one that is not there or hidden.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbols {
    /// Retransmits a full socket's segments.
    pub tcp_write_timer: u64,
    /// Ends a timewait socket.
    pub tw_timer_handler: u64,
    /// Sends a SYN-ACK again, or ends a half-open connection.
    pub reqsk_timer_handler: u64,
}

/// Reads them: the kernel takes milliseconds to list all that it has.
pub fn symbols() -> Symbols {
    let [tcp_write_timer, tw_timer_handler, reqsk_timer_handler] =
        addresses(["tcp_write_timer", "tw_timer_handler", "reqsk_timer_handler"]);
    Symbols { tcp_write_timer, tw_timer_handler, reqsk_timer_handler }
}

/// The addresses of what is named, 0 for those that are not there or hidden
/// (`kernel.kptr_restrict`, or no CAP_SYSLOG).
fn addresses<const N: usize>(names: [&str; N]) -> [u64; N] {
    let mut found = [0; N];
    let Ok(file) = File::open(KALLSYMS) else { return found };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::with_capacity(128);
    let mut left = N;
    while left > 0 {
        line.clear();
        match file.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let Some((address, name)) = parse(&line) else { continue };
        if let Some(index) = names.iter().position(|wanted| wanted.as_bytes() == name)
            && found[index] == 0
        {
            found[index] = address;
            left -= 1;
        }
    }
    found
}

/// Why [`addresses`] found none, with what the user can do (kernel/ksyms_common.c, `kallsyms_show_value`).
pub fn why_hidden() -> &'static str {
    let restricted = std::fs::read_to_string("/proc/sys/kernel/kptr_restrict");
    if restricted.is_ok_and(|level| level.trim() == "2") {
        "kernel.kptr_restrict is 2 and /proc/kallsyms hides addresses (sysctl kernel.kptr_restrict=1)"
    } else {
        "/proc/kallsyms shows no addresses: they take CAP_SYSLOG"
    }
}

/// `ffffffff82006870 t tw_timer_handler`, perhaps with `\t[module]` behind it.
fn parse(line: &[u8]) -> Option<(u64, &[u8])> {
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
    fn a_function_s_line_gives_its_address() {
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
