//! Escapes bytes that processes chose, so that they can't harm a terminal, a line or a column.

use std::borrow::Cow;

/// Whether the character is visible and has no other effect: no control character, no invisible
/// character, no bidirectional control, no combining mark.
pub(super) fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && c.escape_debug().len() == 1)
}

/// Appends the bytes as text. Harmful characters are escaped (`\u{1b}`, `\n`, `\u{202e}`), bytes that are not UTF-8 are
/// written as `\xff`, and a backslash is doubled, so that the text is unambiguous.
pub(super) fn push_visible(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c if is_harmless(c) => text.push(c),
                c => text.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            text.extend(byte.escape_ascii().map(char::from));
        }
    }
}

/// The bytes as text that is safe to show, escaped as [`push_visible`] does.
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_visible(bytes, &mut text);
    text
}

/// The same as [`visible`], without a copy for the names that need no escapes.
pub(super) fn visible_text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') => text.into(),
        _ => visible(bytes).into(),
    }
}

/// Hostile process names, and how they are shown.
#[cfg(test)]
pub(super) const HOSTILE_NAMES: &[(&[u8], &str)] = &[
    (b"curl", "curl"),
    (b"kworker/0:1-ev", "kworker/0:1-ev"),
    (b"tab\tnew\nline", "tab\\tnew\\nline"),
    (b"\x1b]0;owned\x07", "\\u{1b}]0;owned\\u{7}"),
    (b"\x1b[2J\x1b[H", "\\u{1b}[2J\\u{1b}[H"),
    (b"cr\rover", "cr\\rover"),
    (b"del\x7f", "del\\u{7f}"),
    (b"\xc2\x9b31m", "\\u{9b}31m"),
    (b"\xff\xfe\x80", "\\xff\\xfe\\x80"),
    (b"cut \xe2\x82", "cut \\xe2\\x82"),
    (b"\xe2\x80\xaegnp.exe", "\\u{202e}gnp.exe"),
    (b"\xe2\x80\x8bzero", "\\u{200b}zero"),
    (b"\xe2\x80\xa8para", "\\u{2028}para"),
    (b"\xef\xbb\xbfbom", "\\u{feff}bom"),
    (b"a\xcc\x81", "a\\u{301}"),
    (b"back\\slash", "back\\\\slash"),
    (b"say \"hi\", it's", "say \"hi\", it's"),
    (b"=1+1", "=1+1"),
    ("웹서버".as_bytes(), "웹서버"),
    ("Käse".as_bytes(), "Käse"),
    (b"", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_escaped() {
        for (bytes, shown) in HOSTILE_NAMES {
            let mut text = String::new();
            push_visible(bytes, &mut text);
            assert_eq!(text, *shown, "{bytes:?}");
        }
    }

    #[test]
    fn no_two_bytes_give_a_control_character() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let mut text = String::new();
                push_visible(&[first, second], &mut text);
                assert!(text.chars().all(is_harmless), "{first:#x} {second:#x}: {text:?}");
                assert!(!text.chars().any(char::is_control), "{first:#x} {second:#x}: {text:?}");
            }
        }
    }
}
