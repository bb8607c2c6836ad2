//! The one rule by which a name of arbitrary bytes is text: UTF-8 is that text, and each byte `N` that is not part of
//! UTF-8 is the private-use character U+EF00 + `N`.
//!
//! No two names have the same text, and every reader of JSON accepts it: a lone surrogate, as in Python's
//! `surrogateescape`, is refused or replaced by most. Such a character in a name itself is written byte by byte too. MirBSD
//! and GHC use the same characters.

use std::borrow::Cow;

/// The first of the 256 characters that stand for bytes.
const FIRST: u32 = 0xef00;

/// The name as text.
pub fn from_bytes(name: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(name) {
        // Nearly every name.
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => from_bytes_unless(name, |_| false),
    }
}

/// The name as text, in which the characters that `is_byte_by_byte` selects are written as bytes are.
pub fn from_bytes_unless(name: &[u8], is_byte_by_byte: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_plain = |c: char| byte(c).is_none() && !is_byte_by_byte(c);
    match str::from_utf8(name) {
        Ok(text) if text.chars().all(is_plain) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut text = String::with_capacity(2 * name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                text.push(c);
            } else {
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(character));
            }
        }
        text.extend(chunk.invalid().iter().copied().map(character));
    }
    Cow::Owned(text)
}

/// The name whose text this is.
pub fn to_bytes(text: &str) -> Vec<u8> {
    let mut name = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    name
}

/// The character that stands for a byte.
pub fn character(byte: u8) -> char {
    // Never the replacement character: the 256 characters are no surrogates.
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character stands for.
fn byte(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).checked_sub(FIRST)?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn utf_8_is_itself_and_every_other_byte_has_its_character() {
        for (name, text) in [
            (&b"nginx"[..], "nginx"),
            ("서버 Käse 🦀".as_bytes(), "서버 Käse 🦀"),
            (b"back\\slash \\xff \\\\", "back\\slash \\xff \\\\"),
            (b"\x1b]0;x\x07\n", "\x1b]0;x\x07\n"),
            (b"x\xffy", "x\u{efff}y"),
            (b"x\xfey", "x\u{effe}y"),
            (b"cut \xec\x84", "cut \u{efec}\u{ef84}"),
            (b"\xed\xb2\x80", "\u{efed}\u{efb2}\u{ef80}"),
            ("\u{efff}".as_bytes(), "\u{efee}\u{efbf}\u{efbf}"),
            (b"\xef\xbf\xbd", "\u{fffd}"),
            (b"", ""),
        ] {
            assert_eq!(from_bytes(name), text, "{name:?}");
            assert_eq!(to_bytes(text), name, "{text:?}");
        }
    }

    /// Names of up to three of these bytes: pieces of UTF-8, of the private characters, and backslashes.
    fn names() -> Vec<Vec<u8>> {
        let bytes = [b'a', b'\\', b'x', b'f', b'\n', 0x80, 0xbc, 0xbf, 0xc3, 0xe2, 0xee, 0xef, 0xf0, 0xff];
        let mut names = vec![Vec::new()];
        for length in 0..3 {
            let longest: Vec<Vec<u8>> = names.iter().filter(|name| name.len() == length).cloned().collect();
            for name in longest {
                names.extend(bytes.iter().map(|byte| [&name[..], &[*byte]].concat()));
            }
        }
        names
    }

    #[test]
    fn the_text_gives_the_name_back_and_no_two_names_have_the_same() {
        let names = names();
        for is_byte_by_byte in [|_: char| false, |c: char| c.is_control() || !c.is_ascii()] {
            let texts: HashSet<String> = names
                .iter()
                .map(|name| {
                    let text = from_bytes_unless(name, is_byte_by_byte).into_owned();
                    assert_eq!(to_bytes(&text), *name);
                    text
                })
                .collect();
            assert_eq!(texts.len(), names.len());
        }
    }

    #[test]
    fn json_carries_the_text() {
        for byte in 0..=u8::MAX {
            let text = from_bytes(&[b'x', byte, b'y']).into_owned();
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
