//! Reads `GetExtendedTcpTable` and `GetExtendedUdpTable`: sockets with the ids of their processes.

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

/// How often to try again with a larger buffer, because the table may grow between two calls.
const ATTEMPTS: u32 = 16;

/// A connection or a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpRow {
    pub(crate) state: TcpState,
    /// The local endpoint.
    pub(crate) local: SocketAddr,
    /// The remote endpoint. It has no meaning for a listener.
    pub(crate) remote: SocketAddr,
    /// The id of the process that holds the socket; 0 if there is none.
    pub(crate) pid: u32,
}

/// A UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpRow {
    /// The local endpoint.
    pub(crate) local: SocketAddr,
    /// The id of the process that holds the socket; 0 if there is none.
    pub(crate) pid: u32,
}

/// The TCP connections and listeners of a family.
///
/// # Errors
/// The error of `GetExtendedTcpTable`.
pub(crate) fn tcp(family: Family) -> io::Result<Vec<TcpRow>> {
    let call = |family: ADDRESS_FAMILY| {
        move |buffer: *mut c_void, bytes: *mut u32| {
            // SAFETY: `rows` passes a buffer of `*bytes` bytes, and the function writes no more than that.
            unsafe { GetExtendedTcpTable(buffer, bytes, 0, family.into(), TCP_TABLE_OWNER_PID_ALL, 0) }
        }
    };
    // SAFETY: these are the row types of the family's table (tcpmib.h, MIB_TCPTABLE_OWNER_PID and
    // MIB_TCP6TABLE_OWNER_PID): they consist of u32 and u8 only.
    unsafe {
        match family {
            Family::Ipv4 => rows(call(AF_INET), |row: MIB_TCPROW_OWNER_PID| TcpRow {
                state: TcpState(row.dwState),
                local: endpoint_v4(row.dwLocalAddr, row.dwLocalPort),
                remote: endpoint_v4(row.dwRemoteAddr, row.dwRemotePort),
                pid: row.dwOwningPid,
            }),
            Family::Ipv6 => rows(call(AF_INET6), |row: MIB_TCP6ROW_OWNER_PID| TcpRow {
                state: TcpState(row.dwState),
                local: endpoint_v6(row.ucLocalAddr, row.dwLocalPort, row.dwLocalScopeId),
                remote: endpoint_v6(row.ucRemoteAddr, row.dwRemotePort, row.dwRemoteScopeId),
                pid: row.dwOwningPid,
            }),
        }
    }
}

/// The UDP sockets of a family.
///
/// # Errors
/// The error of `GetExtendedUdpTable`.
pub(crate) fn udp(family: Family) -> io::Result<Vec<UdpRow>> {
    let call = |family: ADDRESS_FAMILY| {
        move |buffer: *mut c_void, bytes: *mut u32| {
            // SAFETY: `rows` passes a buffer of `*bytes` bytes, and the function writes no more than that.
            unsafe { GetExtendedUdpTable(buffer, bytes, 0, family.into(), UDP_TABLE_OWNER_PID, 0) }
        }
    };
    // SAFETY: these are the row types of the family's table (udpmib.h, MIB_UDPTABLE_OWNER_PID and
    // MIB_UDP6TABLE_OWNER_PID): they consist of u32 and u8 only.
    unsafe {
        match family {
            Family::Ipv4 => rows(call(AF_INET), |row: MIB_UDPROW_OWNER_PID| UdpRow {
                local: endpoint_v4(row.dwLocalAddr, row.dwLocalPort),
                pid: row.dwOwningPid,
            }),
            Family::Ipv6 => rows(call(AF_INET6), |row: MIB_UDP6ROW_OWNER_PID| UdpRow {
                local: endpoint_v6(row.ucLocalAddr, row.dwLocalPort, row.dwLocalScopeId),
                pid: row.dwOwningPid,
            }),
        }
    }
}

/// Calls `call` with a buffer and its size in bytes, until the buffer is large enough, and converts each row.
///
/// # Safety
/// `call` must write no more than the size: a u32 count, followed by that many `R`. Every bit pattern must be a valid
/// `R`, and its alignment must not exceed that of u32.
unsafe fn rows<R, T>(
    call: impl Fn(*mut c_void, *mut u32) -> u32,
    convert: impl Fn(R) -> T,
) -> io::Result<Vec<T>> {
    // A buffer of u32 has the alignment of the rows.
    let mut buffer: Vec<u32> = Vec::new();
    let mut result = ERROR_INSUFFICIENT_BUFFER;
    for _ in 0..ATTEMPTS {
        let mut bytes = u32::try_from(buffer.len() * 4).unwrap_or(u32::MAX);
        result = call(buffer.as_mut_ptr().cast(), &raw mut bytes);
        if result != ERROR_INSUFFICIENT_BUFFER {
            break;
        }
        // Leaves space for rows that are added before the next attempt.
        buffer.resize(bytes as usize / 4 + 1024, 0);
    }
    if result != NO_ERROR {
        return Err(io::Error::from_raw_os_error(result.cast_signed()));
    }
    let Some((count, rows)) = buffer.split_first() else { return Ok(Vec::new()) };
    let capacity = size_of_val(rows) / size_of::<R>();
    let row = |index| {
        // SAFETY: the row is within `rows` and aligned like u32; the caller guarantees that its bytes are a valid `R`.
        convert(unsafe { ptr::read(rows.as_ptr().cast::<R>().add(index)) })
    };
    Ok((0..(*count as usize).min(capacity)).map(row).collect())
}

fn endpoint_v4(addr: u32, port: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from(Ipv4Addr::from(addr.to_ne_bytes())), port_of(port))
}

fn endpoint_v6(addr: [u8; 16], port: u32, scope: u32) -> SocketAddr {
    let addr = Ipv6Addr::from(addr);
    // Only link-local addresses have a zone (RFC 4007, section 6).
    let scope = if addr.is_unicast_link_local() { scope } else { 0 };
    SocketAddrV6::new(addr, port_of(port), 0, scope).into()
}

/// The port in the lower two bytes, in network byte order. The upper two are undefined (MIB_TCPROW_OWNER_PID).
fn port_of(number: u32) -> u16 {
    u16::from_be(number as u16)
}
