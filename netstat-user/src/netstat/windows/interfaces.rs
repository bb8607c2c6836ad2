//! `-e`: what went through all interfaces together.

use anyhow::{Context as _, Result};
use serde::Serialize;
use windows_sys::Win32::NetworkManagement::IpHelper::{GetIfTable2, MIB_IF_ROW2, MIB_IF_TABLE2};

use super::mib::Table;
use crate::netstat::json;

/// `FilterInterface` of MIB_IF_ROW2's flags: a layer above an interface, which counts what that counts.
const FILTER: u8 = 1 << 1;

/// What went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    received: Way,
    sent: Way,
    /// Received packets that no protocol here is for.
    unknown_protocols: u64,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Way {
    bytes: u64,
    unicast_packets: u64,
    non_unicast_packets: u64,
    discards: u64,
    errors: u64,
}

impl Sums {
    fn add(&mut self, row: &MIB_IF_ROW2) {
        let Self { received, sent, unknown_protocols } = self;
        received.bytes += row.InOctets;
        received.unicast_packets += row.InUcastPkts;
        received.non_unicast_packets += row.InNUcastPkts;
        received.discards += row.InDiscards;
        received.errors += row.InErrors;
        *unknown_protocols += row.InUnknownProtos;
        sent.bytes += row.OutOctets;
        sent.unicast_packets += row.OutUcastPkts;
        sent.non_unicast_packets += row.OutNUcastPkts;
        sent.discards += row.OutDiscards;
        sent.errors += row.OutErrors;
    }
}

fn look() -> Result<Sums> {
    // SAFETY: the function allocates such a table.
    let table = unsafe { Table::<MIB_IF_TABLE2>::ask(|place| GetIfTable2(place)) }
        .context("Windows doesn't give its table of interfaces")?;
    let table = table.as_ptr();
    // SAFETY: the table lives until the end of this function, and has as many rows as it says; a row is numbers.
    let rows = unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_IF_ROW2>();
        std::slice::from_raw_parts(first, (*table).NumEntries as usize)
    };
    let mut sums = Sums::default();
    for row in rows.iter().filter(|row| row.InterfaceAndOperStatusFlags._bitfield & FILTER == 0) {
        sums.add(row);
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

fn write(sums: &Sums) -> Vec<u8> {
    let Sums { received, sent, unknown_protocols } = sums;
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
    page.push_str(&format!("{:<20}{unknown_protocols:>15}\n", "Unknown protocols"));
    page.into_bytes()
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    received: Way,
    sent: Way,
    unknown_protocols: u64,
}

/// One line of JSON.
///
/// # Errors
/// Windows doesn't give the counters.
pub fn json() -> Result<Vec<u8>> {
    let Sums { received, sent, unknown_protocols } = look()?;
    Ok(json::lines(std::iter::once(Line { kind: "interfaces", received, sent, unknown_protocols })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_windows() {
        let sums = Sums {
            received: Way { bytes: 1_279_913_096, unicast_packets: 961_149, ..Way::default() },
            sent: Way { bytes: 89_768_387, ..Way::default() },
            unknown_protocols: 7,
        };
        let text = String::from_utf8(write(&sums)).unwrap();
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
