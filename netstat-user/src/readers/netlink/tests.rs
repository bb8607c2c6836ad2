//! Datagrams of a dump: whole, ended by an error, truncated.

use super::*;

const ANSWER: u16 = 20;

fn encode(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; HEADER_BYTES + payload.len()];
    let length = message.len() as u32;
    let mut header = NetlinkBuffer::new(&mut message);
    header.set_length(length);
    header.set_message_type(kind);
    header.set_flags(flags);
    header.payload_mut().copy_from_slice(payload);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn done(code: i32) -> Vec<u8> {
    encode(NLMSG_DONE, 2, &code.to_ne_bytes())
}

/// Reads a datagram whose entries are a byte each: whether it ends the dump, and the entries.
fn entries(datagram: &[u8]) -> Result<(bool, Vec<u8>)> {
    let mut dump = Dump { entries: Vec::new(), is_inconsistent: false };
    let mut decode = |payload: &[u8]| Ok(payload.first().copied());
    let is_done = read(datagram, ANSWER, &mut decode, &mut dump)?;
    Ok((is_done, dump.entries))
}

fn error(datagram: &[u8]) -> String {
    entries(datagram).map_or_else(|error| format!("{error:#}"), |entries| format!("no error: {entries:?}"))
}

#[test]
fn a_dump_has_the_entries_up_to_its_end() {
    let two = [encode(ANSWER, 2, &[1]), encode(ANSWER, 2, &[2, 9])].concat();
    assert_eq!(entries(&two).unwrap(), (false, vec![1, 2]));
    assert_eq!(entries(&[two, done(0)].concat()).unwrap(), (true, vec![1, 2]));
    assert_eq!(entries(&encode(NLMSG_NOOP, 0, &[])).unwrap(), (false, vec![]));
}

#[test]
fn an_error_that_ends_a_dump_is_an_error_whatever_came_before() {
    let entry = encode(ANSWER, 2, &[1]);
    for code in [-libc::ENOENT, -libc::ENOBUFS, i32::MIN] {
        let ended = error(&[entry.clone(), done(code)].concat());
        assert!(ended.starts_with("the kernel ended its answer with an error: "), "{code}: {ended}");
    }
    let refused = encode(NLMSG_ERROR, 0, &[(-libc::EPERM).to_ne_bytes().as_slice(), &[0; 16]].concat());
    let refused = error(&[entry, refused].concat());
    assert!(refused.contains("refuses") && refused.contains("os error 1"), "{refused}");
}

#[test]
fn what_the_kernel_does_not_send_is_an_error() {
    for datagram in [
        vec![],
        encode(NLMSG_DONE, 2, &[]),
        done(1),
        done(i32::MAX),
        encode(NLMSG_ERROR, 0, &[0, 0]),
        encode(NLMSG_ERROR, 0, &[0; 20]),
        encode(ANSWER + 1, 2, &[1]),
        vec![0; 16],
        vec![0xff; 20],
    ] {
        assert!(entries(&datagram).is_err(), "{datagram:?}");
    }
    let whole = [encode(ANSWER, 2, &[1, 2, 3]), encode(ANSWER, 2, &[4]), done(0)].concat();
    for length in 0..whole.len() {
        let cut = entries(&whole[..length]);
        assert!(cut.is_err() || cut.is_ok_and(|(is_done, _)| !is_done), "{length}");
    }
}

#[test]
fn an_interrupted_dump_is_inconsistent() {
    let mut dump = Dump { entries: Vec::new(), is_inconsistent: false };
    let mut decode = |payload: &[u8]| Ok(payload.first().copied());
    let interrupted = encode(ANSWER, 2 | NLM_F_DUMP_INTR, &[1]);
    assert!(!read(&interrupted, ANSWER, &mut decode, &mut dump).unwrap() && dump.is_inconsistent);
    assert!(read(&done(0), ANSWER, &mut decode, &mut dump).unwrap() && dump.is_inconsistent);
}
