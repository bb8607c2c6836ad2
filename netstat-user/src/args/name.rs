//! Arguments that are names of arbitrary bytes.

use netstat_events::text;

/// The name in an argument, or in a part of one: its bytes, or the text of the name in JSON and CSV.
pub(crate) fn bytes(argument: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for chunk in argument.utf8_chunks() {
        name.extend(text::to_bytes(chunk.valid()));
        name.extend_from_slice(chunk.invalid());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_given_by_its_bytes_and_by_its_text_in_json() {
        for name in [&b"nginx"[..], b"x\xffy", b"x\\xffy", "서버".as_bytes(), b"cut \xec\x84", b"tab\there"]
        {
            assert_eq!(bytes(name), name);
            assert_eq!(bytes(text::from_bytes(name).as_bytes()), name);
        }
    }
}
