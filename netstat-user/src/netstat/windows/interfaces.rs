//! `-e`: what went through all interfaces together.

use std::ops::AddAssign;

use anyhow::{Context as _, Result};
use serde::Serialize;
use windows_sys::Win32::NetworkManagement::IpHelper::{GetIfTable2, MIB_IF_ROW2, MIB_IF_TABLE2};

use super::mib::Table;
use crate::netstat::json;

/// `FilterInterface` of MIB_IF_ROW2's flags: a layer above an interface, which counts what that counts.
const FILTER: u8 = 1 << 1;

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Way {
    bytes: u64,
    unicast_packets: u64,
    non_unicast_packets: u64,
    discards: u64,
    errors: u64,
    /// None for what was sent: that has a protocol.
    unknown_protocols: Option<u64>,
}

impl AddAssign for Way {
    fn add_assign(&mut self, other: Self) {
        let Self { bytes, unicast_packets, non_unicast_packets, discards, errors, unknown_protocols } = other;
        self.bytes += bytes;
        self.unicast_packets += unicast_packets;
        self.non_unicast_packets += non_unicast_packets;
        self.discards += discards;
        self.errors += errors;
        self.unknown_protocols = self.unknown_protocols.or(unknown_protocols.map(|_| 0));
        if let (Some(sum), Some(count)) = (&mut self.unknown_protocols, unknown_protocols) {
            *sum += count;
        }
    }
}

/// Received and sent.
fn look() -> Result<[Way; 2]> {
    // SAFETY: the function allocates such a table.
    let table = unsafe { Table::<MIB_IF_TABLE2>::ask(|place| GetIfTable2(place)) }
        .context("Windows doesn't give its table of interfaces")?;
    let table = table.as_ptr();
    let mut sums = [Way::default(); 2];
    // SAFETY: the table lives until the end of this function, and has as many rows as it says; a row is numbers.
    let rows = unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_IF_ROW2>();
        std::slice::from_raw_parts(first, (*table).NumEntries as usize)
    };
    for row in rows.iter().filter(|row| row.InterfaceAndOperStatusFlags._bitfield & FILTER == 0) {
        let [received, sent] = &mut sums;
        *received += Way {
            bytes: row.InOctets,
            unicast_packets: row.InUcastPkts,
            non_unicast_packets: row.InNUcastPkts,
            discards: row.InDiscards,
            errors: row.InErrors,
            unknown_protocols: Some(row.InUnknownProtos),
        };
        *sent += Way {
            bytes: row.OutOctets,
            unicast_packets: row.OutUcastPkts,
            non_unicast_packets: row.OutNUcastPkts,
            discards: row.OutDiscards,
            errors: row.OutErrors,
            unknown_protocols: None,
        };
    }
    Ok(sums)
}

/// For people.
///
/// # Errors
/// Windows doesn't give the counters.
pub fn text() -> Result<Vec<u8>> {
    Ok(write(&look()?))
}

fn write([received, sent]: &[Way; 2]) -> Vec<u8> {
    let mut page = String::new();
    page.push_str("Interface Statistics\n\n                           Received            Sent\n\n");
    for (name, count) in [
        ("Bytes", (|way| way.bytes) as fn(&Way) -> u64),
        ("Unicast packets", |way| way.unicast_packets),
        ("Non-unicast packets", |way| way.non_unicast_packets),
        ("Discards", |way| way.discards),
        ("Errors", |way| way.errors),
    ] {
        page.push_str(&format!("{name:<20}{:>15} {:>15}\n", count(received), count(sent)));
    }
    page.push_str(&format!("{:<20}{:>15}\n", "Unknown protocols", received.unknown_protocols.unwrap_or(0)));
    page.into_bytes()
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    received: Way,
    sent: Way,
}

/// One line of JSON.
///
/// # Errors
/// Windows doesn't give the counters.
pub fn json() -> Result<Vec<u8>> {
    let [received, sent] = look()?;
    Ok(json::lines(std::iter::once(Line { kind: "interfaces", received, sent })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_windows() {
        let received = Way {
            bytes: 1_279_913_096,
            unicast_packets: 961_149,
            unknown_protocols: Some(7),
            ..Way::default()
        };
        let text =
            String::from_utf8(write(&[received, Way { bytes: 89_768_387, ..Way::default() }])).unwrap();
        assert_eq!(
            text,
            "Interface Statistics\n\n                           Received            Sent\n\n\
             Bytes                    1279913096        89768387\n\
             Unicast packets              961149               0\n\
             Non-unicast packets               0               0\n\
             Discards                          0               0\n\
             Errors                            0               0\n\
             Unknown protocols                 7\n"
        );
    }
}
