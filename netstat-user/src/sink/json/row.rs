//! A row as JSON, written by hand: it is the hot path, and by serde it takes three times as long.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr},
};

use super::text::push_json;
use crate::sink::fields::RowFields;

/// Appends the row as one line.
pub(super) fn push_row(fields: &RowFields<'_>, out: &mut Vec<u8>) {
    let RowFields {
        event,
        ts,
        mono_ns,
        conn,
        family,
        proto,
        local_addr,
        local_port,
        remote_addr,
        remote_port,
        direction,
        old_state,
        new_state,
        state_ns,
        pid,
        comm,
        uid,
        owner,
        netns,
        cgroup,
        close_reason,
        bytes_sent,
        bytes_received,
        rtt_us,
        retransmits,
        source,
    } = *fields;
    let comm = comm.as_ref().map(|comm| String::from_utf8_lossy(comm.as_bytes()));

    out.push(b'{');
    put(out, "event", event, push_word);
    put(out, "ts", ts, push_word);
    put(out, "mono_ns", mono_ns, push_number);
    put(out, "conn", conn.0, push_number_as_text);
    put(out, "family", family, push_word);
    put(out, "proto", proto, push_word);
    put(out, "local_addr", local_addr, push_addr);
    put_known(out, "local_port", local_port, push_number);
    put_known(out, "remote_addr", remote_addr, push_addr);
    put_known(out, "remote_port", remote_port, push_number);
    put_known(out, "direction", direction, push_word);
    put_known(out, "old_state", old_state, push_word);
    put(out, "new_state", new_state, push_word);
    put_known(out, "state_ns", state_ns, push_number);
    put_known(out, "pid", pid, push_number);
    put_known(out, "comm", comm.as_deref(), push_text);
    put_known(out, "uid", uid, push_number);
    put_known(out, "owner", owner, push_word);
    put_known(out, "netns", netns, push_number);
    put_known(out, "cgroup", cgroup, push_text);
    put_known(out, "close_reason", close_reason, push_word);
    put_known(out, "bytes_sent", bytes_sent, push_number);
    put_known(out, "bytes_received", bytes_received, push_number);
    put_known(out, "rtt_us", rtt_us, push_number);
    put_known(out, "retransmits", retransmits, push_number);
    put(out, "source", source, push_word);
    out.pop();
    out.extend_from_slice(b"}\n");
}

/// One field and the comma after it.
#[inline]
fn put<T>(out: &mut Vec<u8>, name: &'static str, value: T, push: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    push(out, value);
    out.push(b',');
}

#[inline]
fn put_known<T>(out: &mut Vec<u8>, name: &'static str, value: Option<T>, push: impl Fn(&mut Vec<u8>, T)) {
    put(out, name, value, |out, value| match value {
        Some(value) => push(out, value),
        None => out.extend_from_slice(b"null"),
    });
}

/// A text of somebody else's.
fn push_text(out: &mut Vec<u8>, text: &str) {
    push_json(text, out);
}

/// A word of ours, which needs no escapes.
#[inline]
fn push_word(out: &mut Vec<u8>, word: &str) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

#[inline]
fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[inline]
fn push_number_as_text(out: &mut Vec<u8>, number: u64) {
    push_word(out, itoa::Buffer::new().format(number));
}

fn push_addr(out: &mut Vec<u8>, addr: IpAddr) {
    out.push(b'"');
    match addr {
        IpAddr::V4(addr) => push_ipv4(out, addr),
        // A Vec takes all that is written.
        IpAddr::V6(addr) => _ = write!(out, "{addr}"),
    }
    out.push(b'"');
}

fn push_ipv4(out: &mut Vec<u8>, addr: Ipv4Addr) {
    for octet in addr.octets() {
        push_number(out, octet);
        out.push(b'.');
    }
    out.pop();
}
