//! The rows of `GetExtendedTcpTable` and `GetExtendedUdpTable`: sockets with their processes' ids.

use std::{
    ffi::c_void,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    ptr,
};

use windows_sys::Win32::{
    Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR},
    NetworkManagement::IpHelper::{
        GetExtendedTcpTable, GetExtendedUdpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID,
        MIB_UDP6ROW_OWNER_PID, MIB_UDPROW_OWNER_PID, TCP_TABLE_OWNER_PID_ALL, UDP_TABLE_OWNER_PID,
    },
    Networking::WinSock::{ADDRESS_FAMILY, AF_INET, AF_INET6},
};

use super::state::TcpState;
use crate::model::Family;

/// How often the table may outgrow the room that it was asked for a moment ago.
const ATTEMPTS: u32 = 16;

/// A connection or a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpRow {
    /// Its state.
    pub(crate) state: TcpState,
    /// This end.
    pub(crate) local: SocketAddr,
    /// The other end; of a listener it means nothing.
    pub(crate) remote: SocketAddr,
    /// The process that holds it; 0 for none.
    pub(crate) pid: u32,
}

/// A socket of UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpRow {
    /// This end; there is no other.
    pub(crate) local: SocketAddr,
    /// The process that holds it; 0 for none.
    pub(crate) pid: u32,
}

/// The family's connections and listeners.
///
/// # Errors
/// The system's, if it doesn't give the table.
pub(crate) fn tcp(family: Family) -> io::Result<Vec<TcpRow>> {
    let ask = |family: ADDRESS_FAMILY| {
        move |room: *mut c_void, bytes: *mut u32| {
            // SAFETY: `rows` gives room for as many bytes as it says, and the function writes no more.
            unsafe { GetExtendedTcpTable(room, bytes, 0, family.into(), TCP_TABLE_OWNER_PID_ALL, 0) }
        }
    };
    // SAFETY: these are the rows of the family's table (tcpmib.h, MIB_TCPTABLE_OWNER_PID and
    // MIB_TCP6TABLE_OWNER_PID): plain numbers of 4 bytes and bytes.
    unsafe {
        match family {
            Family::Ipv4 => rows(ask(AF_INET), |row: MIB_TCPROW_OWNER_PID| TcpRow {
                state: TcpState(row.dwState),
                local: end_v4(row.dwLocalAddr, row.dwLocalPort),
                remote: end_v4(row.dwRemoteAddr, row.dwRemotePort),
                pid: row.dwOwningPid,
            }),
            Family::Ipv6 => rows(ask(AF_INET6), |row: MIB_TCP6ROW_OWNER_PID| TcpRow {
                state: TcpState(row.dwState),
                local: end_v6(row.ucLocalAddr, row.dwLocalPort, row.dwLocalScopeId),
                remote: end_v6(row.ucRemoteAddr, row.dwRemotePort, row.dwRemoteScopeId),
                pid: row.dwOwningPid,
            }),
        }
    }
}

/// The family's sockets of UDP.
///
/// # Errors
/// The system's, if it doesn't give the table.
pub(crate) fn udp(family: Family) -> io::Result<Vec<UdpRow>> {
    let ask = |family: ADDRESS_FAMILY| {
        move |room: *mut c_void, bytes: *mut u32| {
            // SAFETY: `rows` gives room for as many bytes as it says, and the function writes no more.
            unsafe { GetExtendedUdpTable(room, bytes, 0, family.into(), UDP_TABLE_OWNER_PID, 0) }
        }
    };
    // SAFETY: these are the rows of the family's table (udpmib.h, MIB_UDPTABLE_OWNER_PID and
    // MIB_UDP6TABLE_OWNER_PID): plain numbers of 4 bytes and bytes.
    unsafe {
        match family {
            Family::Ipv4 => rows(ask(AF_INET), |row: MIB_UDPROW_OWNER_PID| UdpRow {
                local: end_v4(row.dwLocalAddr, row.dwLocalPort),
                pid: row.dwOwningPid,
            }),
            Family::Ipv6 => rows(ask(AF_INET6), |row: MIB_UDP6ROW_OWNER_PID| UdpRow {
                local: end_v6(row.ucLocalAddr, row.dwLocalPort, row.dwLocalScopeId),
                pid: row.dwOwningPid,
            }),
        }
    }
}

/// The table that `ask` writes, given room and its size in bytes, row by row.
///
/// # Safety
/// `ask` has to write no more than it is given room for: a count, and behind it so many `R`, which have to be
/// good whatever their bytes are, and aligned as u32 are.
unsafe fn rows<R, T>(
    ask: impl Fn(*mut c_void, *mut u32) -> u32,
    read: impl Fn(R) -> T,
) -> io::Result<Vec<T>> {
    // u32, because the rows consist of these: the buffer has to be aligned for them.
    let mut buffer: Vec<u32> = Vec::new();
    let mut result = ERROR_INSUFFICIENT_BUFFER;
    for _ in 0..ATTEMPTS {
        let mut bytes = u32::try_from(buffer.len() * 4).unwrap_or(u32::MAX);
        result = ask(buffer.as_mut_ptr().cast(), &raw mut bytes);
        if result != ERROR_INSUFFICIENT_BUFFER {
            break;
        }
        // Room for what comes until the next attempt.
        buffer.resize(bytes as usize / 4 + 1024, 0);
    }
    if result != NO_ERROR {
        return Err(io::Error::from_raw_os_error(result.cast_signed()));
    }
    let Some((count, rest)) = buffer.split_first() else { return Ok(Vec::new()) };
    let most = size_of_val(rest) / size_of::<R>();
    let row = |number| {
        // SAFETY: the row lies within `rest`, is aligned as its u32 are, and the caller vouches for its type.
        read(unsafe { ptr::read(rest.as_ptr().cast::<R>().add(number)) })
    };
    Ok((0..(*count as usize).min(most)).map(row).collect())
}

fn end_v4(addr: u32, port: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from(Ipv4Addr::from(addr.to_ne_bytes())), port_of(port))
}

fn end_v6(addr: [u8; 16], port: u32, scope: u32) -> SocketAddr {
    let addr = Ipv6Addr::from(addr);
    // Other addresses are the same on every link (RFC 4007, section 6).
    let scope = if addr.is_unicast_link_local() { scope } else { 0 };
    SocketAddrV6::new(addr, port_of(port), 0, scope).into()
}

/// The lower two bytes, in network order; the others mean nothing (MIB_TCPROW_OWNER_PID's documentation).
fn port_of(number: u32) -> u16 {
    u16::from_be(number as u16)
}
