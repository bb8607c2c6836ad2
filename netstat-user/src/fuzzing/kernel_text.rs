//! What the kernel tells of itself as text: its symbols, and the format of a tracepoint's record.

use crate::source::ebpf::{classic_format, kallsyms};

const WANTED: [&str; 2] = ["tcp_write_timer", "tw_timer_handler"];

/// /proc/kallsyms, and a tracepoint's `format`.
pub fn kernel_text(input: &[u8]) {
    symbols(input);
    if let Ok(text) = str::from_utf8(input) {
        tracepoint_format(text);
    }
}

/// A symbol has the address of the first line with its name, whatever the other lines are. The ranges of functions are not
/// empty, and the used ones come first.
fn symbols(list: &[u8]) {
    let timers = |list| {
        let symbols = kallsyms::symbols_in(list);
        [symbols.tcp_write_timer, symbols.tw_timer_handler]
    };
    let mut expected = [None; WANTED.len()];
    for line in list.split(|byte| *byte == b'\n') {
        for ((expected, wanted), alone) in expected.iter_mut().zip(WANTED).zip(timers(line)) {
            let is_named = kallsyms::parse(line).is_some_and(|(_, name)| name == wanted.as_bytes());
            assert!(is_named || alone == 0);
            if is_named {
                expected.get_or_insert(alone);
            }
        }
    }
    assert_eq!(timers(list), expected.map(Option::unwrap_or_default));
    let mut callers = kallsyms::symbols_in(list).callers.into_iter();
    assert!(
        callers
            .by_ref()
            .take_while(|range| range.start != 0 || range.end != 0)
            .all(|range| range.start < range.end)
    );
    assert!(callers.all(|range| range.end == 0));
}

/// Every field lies in what a program can read, and other lines change nothing.
fn tracepoint_format(text: &str) {
    let Ok(format) = classic_format::parse(text) else { return };
    for (offset, size) in [
        (format.skaddr, 8),
        (format.oldstate, 4),
        (format.newstate, 4),
        (format.sport, 2),
        (format.dport, 2),
        (format.family, 2),
        (format.protocol, 2),
        (format.saddr_v6, 16),
        (format.daddr_v6, 16),
    ] {
        assert!((8..=2048 - size).contains(&offset), "{offset} {format:?}");
    }
    let with_other_lines =
        format!("name: x\n\tfield:int other;\toffset:4;\tsize:4;\tsigned:1;\n{text}\nfield:\n");
    assert_eq!(classic_format::parse(&with_other_lines).ok(), Some(format), "{with_other_lines}");
}
