//! The rows of `GetExtendedTcpTable`: connections and listeners of both families with their processes' ids.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZero,
    ptr,
};

use windows_sys::Win32::{
    Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR},
    NetworkManagement::IpHelper::{
        GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_ALL,
    },
    Networking::WinSock::{AF_INET, AF_INET6},
};

use crate::{
    model::{Endpoint, State},
    source::poll::Seen,
};

/// How often the table may outgrow the room that it was asked for a moment ago.
const ATTEMPTS: u32 = 16;

/// All connections and listeners.
///
/// # Errors
/// The system's, if it doesn't give one of the tables.
pub(super) fn read() -> io::Result<Vec<Seen>> {
    let mut sockets = Vec::new();
    // SAFETY: these are the rows that the family's table has (iphlpapi.h, MIB_TCPTABLE_OWNER_PID and
    // MIB_TCP6TABLE_OWNER_PID); they are plain numbers.
    unsafe {
        rows(AF_INET, |row| sockets.extend(seen_v4(row)))?;
        rows(AF_INET6, |row| sockets.extend(seen_v6(row)))?;
    }
    Ok(sockets)
}

/// Tells each row of the family's table.
///
/// # Safety
/// `R` has to be the row of the family's table, and any bytes have to be a good `R`.
unsafe fn rows<R>(family: u16, mut tell: impl FnMut(&R)) -> io::Result<()> {
    // u32, because the rows consist of these: the buffer has to be aligned for them.
    let mut buffer: Vec<u32> = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut bytes = u32::try_from(buffer.len() * 4).unwrap_or(u32::MAX);
        // SAFETY: the buffer has `bytes` bytes, and the function writes no more.
        let result = unsafe {
            GetExtendedTcpTable(
                buffer.as_mut_ptr().cast(),
                &raw mut bytes,
                0,
                family.into(),
                TCP_TABLE_OWNER_PID_ALL,
                0,
            )
        };
        match result {
            NO_ERROR => break,
            // Room for what comes until the next attempt.
            ERROR_INSUFFICIENT_BUFFER => buffer.resize(bytes as usize / 4 + 1024, 0),
            error => return Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }
    let Some((count, rest)) = buffer.split_first() else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    let most = size_of_val(rest) / size_of::<R>();
    for number in 0..(*count as usize).min(most) {
        // SAFETY: the row lies within `rest`, is aligned as its u32 are, and the caller vouches for its type.
        let row = unsafe { ptr::read(rest.as_ptr().cast::<R>().add(number)) };
        tell(&row);
    }
    Ok(())
}

fn seen_v4(row: &MIB_TCPROW_OWNER_PID) -> Option<Seen> {
    let addr = |number: u32| IpAddr::from(Ipv4Addr::from(number.to_ne_bytes()));
    let (local, remote) = (addr(row.dwLocalAddr), addr(row.dwRemoteAddr));
    seen(row.dwState, (local, row.dwLocalPort), (remote, row.dwRemotePort), row.dwOwningPid)
}

fn seen_v6(row: &MIB_TCP6ROW_OWNER_PID) -> Option<Seen> {
    let addr = |bytes: [u8; 16]| Ipv6Addr::from(bytes).to_canonical();
    let (local, remote) = (addr(row.ucLocalAddr), addr(row.ucRemoteAddr));
    seen(row.dwState, (local, row.dwLocalPort), (remote, row.dwRemotePort), row.dwOwningPid)
}

/// None for a socket without a connection.
fn seen(state: u32, local: (IpAddr, u32), remote: (IpAddr, u32), pid: u32) -> Option<Seen> {
    let state = state_of(state)?;
    let end = |(addr, port): (IpAddr, u32)| Endpoint { addr, port: port_of(port) };
    Some(Seen {
        state,
        local: end(local),
        remote: (state != State::Listen).then(|| end(remote)),
        handle: NonZero::new(pid.into()),
        uid: None,
        netns: None,
    })
}

/// The lower two bytes, in network order; the others mean nothing (MIB_TCPROW_OWNER_PID's documentation).
fn port_of(number: u32) -> u16 {
    u16::from_be(number as u16)
}

/// By MIB_TCP_STATE's numbers (tcpmib.h); CLOSED and DELETE_TCB are no connections.
fn state_of(number: u32) -> Option<State> {
    Some(match number {
        2 => State::Listen,
        3 => State::SynSent,
        4 => State::SynRecv,
        5 => State::Established,
        6 => State::FinWait1,
        7 => State::FinWait2,
        8 => State::CloseWait,
        9 => State::Closing,
        10 => State::LastAck,
        11 => State::TimeWait,
        _ => return None,
    })
}
