//! `-e`: the counters of all interfaces together.

use anyhow::{Context as _, Result};
use serde::Serialize;
use windows_sys::Win32::NetworkManagement::IpHelper::{GetIfTable2, MIB_IF_ROW2, MIB_IF_TABLE2};

use super::mib::Table;
use crate::netstat::json;

/// The flag `FilterInterface` of MIB_IF_ROW2: the row is a filter on top of an interface, and counts the same packets.
const FILTER: u8 = 1 << 1;

/// The sums over all interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    received: Direction,
    sent: Direction,
    /// Received packets of protocols that this host doesn't have.
    unknown_protocols: u64,
}

/// The counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Direction {
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

fn read() -> Result<Sums> {
    // SAFETY: GetIfTable2 allocates a MIB_IF_TABLE2 that FreeMibTable frees.
    let table = unsafe { Table::<MIB_IF_TABLE2>::call(|table| GetIfTable2(table)) }
        .context("cannot read Windows' table of interfaces")?;
    let table = table.as_ptr();
    // SAFETY: the table lives until the end of this function and has NumEntries rows, which consist of integers.
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

/// The page in the columns of Windows' netstat.
///
/// # Errors
/// The counters can't be read.
pub fn text() -> Result<Vec<u8>> {
    Ok(write(&read()?))
}

fn write(sums: &Sums) -> Vec<u8> {
    let Sums { received, sent, unknown_protocols } = sums;
    let mut page = String::new();
    page.push_str("Interface Statistics\n\n                           Received            Sent\n\n");
    for (name, count) in [
        ("Bytes", (|direction| direction.bytes) as fn(&Direction) -> u64),
        ("Unicast packets", |direction| direction.unicast_packets),
        ("Non-unicast packets", |direction| direction.non_unicast_packets),
        ("Discards", |direction| direction.discards),
        ("Errors", |direction| direction.errors),
    ] {
        page.push_str(&format!("{name:<20}{:>15} {:>15}\n", count(received), count(sent)));
    }
    page.push_str(&format!("{:<20}{unknown_protocols:>15}\n", "Unknown protocols"));
    page.into_bytes()
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    received: Direction,
    sent: Direction,
    unknown_protocols: u64,
}

/// One line of JSON.
///
/// # Errors
/// The counters can't be read.
pub fn json() -> Result<Vec<u8>> {
    let Sums { received, sent, unknown_protocols } = read()?;
    Ok(json::lines(std::iter::once(Line { kind: "interfaces", received, sent, unknown_protocols })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_counters_have_the_columns_of_windows_netstat() {
        let sums = Sums {
            received: Direction { bytes: 1_279_913_096, unicast_packets: 961_149, ..Direction::default() },
            sent: Direction { bytes: 89_768_387, ..Direction::default() },
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
