//! A row as JSON, written by hand: it is the hot path, and by serde it takes three times as long.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr},
};

use super::text::push_json;
use crate::format::fields::RowFields;

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

    // Names come with all that stands around them: one append a field counts.
    put(out, r#"{"event":"#, event, push_word);
    put(out, r#","ts":"#, ts, push_word);
    put(out, r#","mono_ns":"#, mono_ns, push_number);
    put(out, r#","conn":"#, conn.0, push_number_as_text);
    put(out, r#","family":"#, family, push_word);
    put(out, r#","proto":"#, proto, push_word);
    put(out, r#","local_addr":"#, local_addr, push_addr);
    put_known(out, r#","local_port":"#, local_port, push_number);
    put_known(out, r#","remote_addr":"#, remote_addr, push_addr);
    put_known(out, r#","remote_port":"#, remote_port, push_number);
    put_known(out, r#","direction":"#, direction, push_word);
    put_known(out, r#","old_state":"#, old_state, push_word);
    put(out, r#","new_state":"#, new_state, push_word);
    put_known(out, r#","state_ns":"#, state_ns, push_number);
    put_known(out, r#","pid":"#, pid, push_number);
    put_known(out, r#","comm":"#, comm.as_deref(), push_text);
    put_known(out, r#","uid":"#, uid, push_number);
    put_known(out, r#","owner":"#, owner, push_word);
    put_known(out, r#","netns":"#, netns, push_number);
    put_known(out, r#","cgroup":"#, cgroup, push_text);
    put_known(out, r#","close_reason":"#, close_reason, push_word);
    put_known(out, r#","bytes_sent":"#, bytes_sent, push_number);
    put_known(out, r#","bytes_received":"#, bytes_received, push_number);
    put_known(out, r#","rtt_us":"#, rtt_us, push_number);
    put_known(out, r#","retransmits":"#, retransmits, push_number);
    put(out, r#","source":"#, source, push_word);
    out.extend_from_slice(b"}\n");
}

/// One field.
#[inline]
fn put<T>(out: &mut Vec<u8>, name: &'static str, value: T, push: impl Fn(&mut Vec<u8>, T)) {
    out.extend_from_slice(name.as_bytes());
    push(out, value);
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
