//! Text for people: names of arbitrary bytes, without harm to a terminal, a line or a column.

/// How many marks in a row are shown on one character. No word needs more; more reach into other lines.
const MOST_MARKS: usize = 4;

/// Whether the character is visible, takes its own columns and has no other effect: no control character, no bidirectional
/// control, no invisible character, no combining mark.
pub(super) fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && c.escape_debug().len() == 1 && !is_invisible(c))
}

/// Whether the character is shown on the one before it, as the accent of a decomposed é.
pub(super) fn is_mark(c: char) -> bool {
    // std escapes such characters only at the beginning of a text.
    let after_a_letter = |c: char| ['a', c].iter().collect::<String>().escape_debug().count() == 2;
    !c.is_ascii() && c.escape_debug().len() > 1 && after_a_letter(c) && !is_invisible(c)
}

/// Letters and marks that show nothing (Default_Ignorable_Code_Point, and the blank of Braille): with them, two names can
/// look alike.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Appends the bytes as text for people. A control character is escaped as `\x1b`, another harmful character as `\u{202e}`, a
/// byte that is not UTF-8 as `\xff`. A backslash is itself, except where it would look like such an escape: there it
/// is `\x5c`. So no two names look alike.
pub(super) fn push_visible(bytes: &[u8], text: &mut String) {
    let mut marks = MOST_MARKS;
    let mut rest = bytes;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            rest = &rest[c.len_utf8()..];
            marks = if is_harmless(c) && c != ' ' {
                0
            } else if marks < MOST_MARKS && is_mark(c) {
                text.push(c);
                marks += 1;
                continue;
            } else {
                MOST_MARKS
            };
            match c {
                '\\' if looks_like_an_escape(rest) => push_byte(b'\\', text),
                c if is_harmless(c) => text.push(c),
                c if c.is_ascii() => push_byte(c as u8, text),
                c => text.extend(c.escape_unicode()),
            }
        }
        for byte in chunk.invalid() {
            push_byte(*byte, text);
            marks = MOST_MARKS;
        }
        rest = &rest[chunk.invalid().len()..];
    }
}

/// Whether a backslash before these bytes would be one of [`push_visible`]'s escapes.
fn looks_like_an_escape(after: &[u8]) -> bool {
    match after {
        [b'u', b'{', ..] => true,
        [b'x', high @ (b'0'..=b'9' | b'a'..=b'f'), low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
            let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0);
            let byte = (digit(*high) * 16 + digit(*low)) as u8;
            byte == b'\\' || !matches!(byte, b' '..=b'~')
        }
        _ => false,
    }
}

fn push_byte(byte: u8, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push_str("\\x");
    text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
}

/// The bytes as text that is safe to show, escaped as [`push_visible`] does.
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_visible(bytes, &mut text);
    text
}

/// Hostile process names, and how they are shown to people.
#[cfg(test)]
pub(super) const HOSTILE_NAMES: &[(&[u8], &str)] = &[
    (b"curl", "curl"),
    (b"kworker/0:1-ev", "kworker/0:1-ev"),
    (b"tab\tnew\nline", "tab\\x09new\\x0aline"),
    (b"\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    (b"\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H"),
    (b"cr\rover", "cr\\x0dover"),
    (b"del\x7f", "del\\x7f"),
    (b"\xc2\x9b31m", "\\u{9b}31m"),
    (b"\xff\xfe\x80", "\\xff\\xfe\\x80"),
    (b"cut \xe2\x82", "cut \\xe2\\x82"),
    (b"\xe2\x80\xaegnp.exe", "\\u{202e}gnp.exe"),
    (b"\xe2\x80\x8bzero", "\\u{200b}zero"),
    (b"\xe2\x80\xa8para", "\\u{2028}para"),
    (b"\xef\xbb\xbfbom", "\\u{feff}bom"),
    (b"em\xe2\x80\x83space", "em\\u{2003}space"),
    (b"next\xc2\x85line", "next\\u{85}line"),
    (b"fill\xe3\x85\xa4er", "fill\\u{3164}er"),
    (b"a\xcc\x81", "a\u{301}"),
    (b"\xcc\x81a", "\\u{301}a"),
    (b" \xcc\x81", " \\u{301}"),
    (b"back\\slash", "back\\slash"),
    (b"C:\\new\\table", "C:\\new\\table"),
    (b"dev-\\x2ddisk", "dev-\\x2ddisk"),
    (b"x\\xffy", "x\\x5cxffy"),
    (b"\\x40abc", "\\x40abc"),
    (b"\\u{40}abc", "\\x5cu{40}abc"),
    (b"x\xffy", "x\\xffy"),
    (b"\\\xff", "\\\\xff"),
    (b"\\u{9b}", "\\x5cu{9b}"),
    (b"say \"hi\", it's", "say \"hi\", it's"),
    (b"=1+1", "=1+1"),
    ("웹서버".as_bytes(), "웹서버"),
    ("Käse".as_bytes(), "Käse"),
    ("กี่".as_bytes(), "กี่"),
    (b"", ""),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn hostile_names_are_escaped() {
        for (bytes, shown) in HOSTILE_NAMES {
            assert_eq!(visible(bytes), *shown, "{bytes:?}");
        }
    }

    #[test]
    fn no_two_bytes_give_a_control_character() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let text = visible(&[first, second]);
                assert!(text.chars().all(is_harmless), "{first:#x} {second:#x}: {text:?}");
                assert!(!text.chars().any(char::is_control), "{first:#x} {second:#x}: {text:?}");
            }
        }
    }

    #[test]
    fn marks_are_shown_on_a_letter_and_only_so_many() {
        let zalgo = format!("a{}", "\u{301}".repeat(6));
        assert_eq!(visible(zalgo.as_bytes()), format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(4)));
    }

    #[test]
    fn no_two_names_look_alike() {
        let pieces: [&[u8]; 13] = [
            b"\\",
            b"x",
            b"u{",
            b"5c",
            b"1b",
            b"ff",
            b"2e",
            b"}",
            b"\x1b",
            b"\xff",
            b"\xc2\x9b",
            b"9b",
            b"\\x5c",
        ];
        let mut names: HashSet<Vec<u8>> = HashSet::from([Vec::new()]);
        for _ in 0..4 {
            let longer: Vec<Vec<u8>> = names
                .iter()
                .flat_map(|name| pieces.iter().map(|piece| [&name[..], *piece].concat()))
                .collect();
            names.extend(longer);
        }
        let shown: HashSet<String> = names.iter().map(|name| visible(name)).collect();
        assert_eq!(shown.len(), names.len());
    }
}
