//! JSON text that is safe to show on a terminal.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use crate::format::escape::is_harmless;

/// Appends the value, in one line.
pub fn push_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    // Writing to a Vec can't fail, and all our types can be serialized. On an error null is better than half a value.
    if value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless)).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Writes characters that could harm a terminal as `\u` escapes, which are the same text to a JSON parser.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // serde_json has escaped the characters below a space.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut units = [0; 2];
            if is_harmless(c) {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}
