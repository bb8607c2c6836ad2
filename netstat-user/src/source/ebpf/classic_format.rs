//! Reads the layout of the classic tracepoint's record from tracefs, and checks that each field is within the record.

use std::io::ErrorKind;

use anyhow::{Context as _, Result, bail, ensure};
use netstat_ebpf::wire::ClassicFormat;

/// The tracepoint, as tracefs names it.
pub const CATEGORY: &str = "sock";
/// The tracepoint's own name.
pub const NAME: &str = "inet_sock_set_state";

/// Where tracefs is mounted: its own place, or debugfs' old one.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// How many bytes at the start of the record hold a pointer of the kernel's, where programs may not read.
const RESERVED_BYTES: u32 = 8;
/// `PERF_MAX_TRACE_SIZE` (include/linux/trace_events.h), the longest record on kernels before 5.15; later it is 8192.
const MAX_RECORD_BYTES: u32 = 2048;

/// The layout on this kernel.
///
/// # Errors
/// tracefs is not mounted or not readable, or a field is missing or outside of the record.
pub fn read() -> Result<ClassicFormat> {
    let mut denied = false;
    for root in TRACEFS {
        match std::fs::read_to_string(format!("{root}/events/{CATEGORY}/{NAME}/format")) {
            Ok(text) => return parse(&text),
            Err(error) => denied |= error.kind() == ErrorKind::PermissionDenied,
        }
    }
    ensure!(!denied, "tracefs can't be read without root");
    bail!("tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)")
}

pub(crate) fn parse(text: &str) -> Result<ClassicFormat> {
    let field = |name: &str, size: u32| {
        let offset = find(text, name, size)
            .with_context(|| format!("the tracepoint's record has no {size}-byte field {name}"))?;
        ensure!(
            offset >= RESERVED_BYTES && offset <= MAX_RECORD_BYTES - size,
            "the tracepoint's record has its field {name} at offset {offset}, which can't be read"
        );
        anyhow::Ok(offset)
    };
    Ok(ClassicFormat {
        skaddr: field("skaddr", 8)?,
        oldstate: field("oldstate", 4)?,
        newstate: field("newstate", 4)?,
        sport: field("sport", 2)?,
        dport: field("dport", 2)?,
        family: field("family", 2)?,
        protocol: field("protocol", 2)?,
        saddr_v6: field("saddr_v6", 16)?,
        daddr_v6: field("daddr_v6", 16)?,
    })
}

/// The offset of a field in lines like `field:__u8 saddr_v6[16]; offset:40; size:16; signed:0;`.
fn find(text: &str, name: &str, size: u32) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut parts = line.trim().strip_prefix("field:")?.split(';').map(str::trim);
        let declared = parts.next()?.rsplit(' ').next()?;
        if declared.split('[').next()? != name {
            return None;
        }
        let offset = parts.next()?.strip_prefix("offset:")?.parse().ok()?;
        (parts.next()?.strip_prefix("size:")?.parse() == Ok(size)).then_some(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = "name: inet_sock_set_state
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;
\tfield:int newstate;\toffset:20;\tsize:4;\tsigned:1;
\tfield:__u16 sport;\toffset:24;\tsize:2;\tsigned:0;
\tfield:__u16 dport;\toffset:26;\tsize:2;\tsigned:0;
\tfield:__u16 family;\toffset:28;\tsize:2;\tsigned:0;
\tfield:__u16 protocol;\toffset:30;\tsize:2;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;
\tfield:__u8 daddr_v6[16];\toffset:56;\tsize:16;\tsigned:0;
";

    #[test]
    fn the_offset_of_each_field_is_found() {
        let format = parse(FORMAT).unwrap();
        assert_eq!((format.skaddr, format.sport, format.saddr_v6, format.daddr_v6), (8, 24, 40, 56));
    }

    #[test]
    fn a_field_outside_of_the_record_is_named() {
        for offset in ["0", "2045", "4294967295"] {
            let forged = FORMAT.replace("newstate;\toffset:20", &format!("newstate;\toffset:{offset}"));
            let error = parse(&forged).unwrap_err().to_string();
            assert!(error.contains("newstate") && error.contains(offset), "{error}");
        }
        assert_eq!(
            parse(&FORMAT.replace("newstate;\toffset:20", "newstate;\toffset:2044")).unwrap().newstate,
            2044
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = parse(&FORMAT.replace("newstate", "other")).unwrap_err().to_string();
        assert!(error.contains("newstate"), "{error}");
    }
}
