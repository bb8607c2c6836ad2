//! Text in columns, in one buffer that is written to stdout at once. A width is a number of columns on the terminal.

use std::net::Ipv4Addr;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text so far.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
}

impl Page {
    /// Appends text.
    pub fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends a number.
    pub fn number(&mut self, number: u64) {
        self.text(itoa::Buffer::new().format(number));
    }

    /// Appends an IPv4 address. It is by far the most frequent field, so this avoids `format!`.
    pub fn ipv4(&mut self, addr: Ipv4Addr) {
        let mut digits = itoa::Buffer::new();
        for (place, octet) in addr.octets().into_iter().enumerate() {
            if place > 0 {
                self.text(".");
            }
            self.text(digits.format(octet));
        }
    }

    /// Appends text, left-justified within the width.
    pub fn left(&mut self, text: &str, width: usize) {
        let start = self.len();
        self.text(text);
        self.pad(start, width);
    }

    /// Appends a number, right-justified within the width.
    pub fn right(&mut self, number: u64, width: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        self.blanks(width.saturating_sub(digits.len()));
        self.text(digits);
    }

    /// Appends a number, left-justified within the width.
    pub fn left_number(&mut self, number: u64, width: usize) {
        self.left(itoa::Buffer::new().format(number), width);
    }

    /// Appends blanks until the text since `start` has the width.
    pub fn pad(&mut self, start: usize, width: usize) {
        self.blanks(width.saturating_sub(columns(self.since(start))));
    }

    /// Truncates the text since `start` to the width.
    pub fn cut(&mut self, start: usize, width: usize) {
        if columns(self.since(start)) <= width {
            return;
        }
        let mut left = width;
        let mut end = start;
        for c in str::from_utf8(self.since(start)).unwrap_or_default().chars() {
            match left.checked_sub(c.width().unwrap_or(0)) {
                Some(rest) => left = rest,
                None => break,
            }
            end += c.len_utf8();
        }
        self.bytes.truncate(end);
    }

    /// Removes the text after the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes since `start`.
    pub fn since(&self, start: usize) -> &[u8] {
        &self.bytes[start..]
    }

    /// All bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn blanks(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, b' ');
    }
}

/// The width of text. Nearly all text is ASCII.
fn columns(text: &[u8]) -> usize {
    if text.is_ascii() { text.len() } else { str::from_utf8(text).map_or(text.len(), |text| text.width()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        let mut page = Page::default();
        page.left("서버", 6);
        page.left("Käse", 5);
        let start = page.len();
        page.text("12/서버서버");
        page.cut(start, 8);
        page.pad(start, 9);
        page.text("|");
        assert_eq!(String::from_utf8(page.into_bytes()).unwrap(), "서버  Käse 12/서버  |");
    }

    #[test]
    fn columns_have_their_width_and_longer_text_is_kept() {
        let mut page = Page::default();
        page.left("ab", 4);
        page.right(7, 3);
        page.text("|");
        page.left("abcde", 4);
        page.right(12345, 3);
        page.left_number(1, 3);
        page.ipv4([10, 0, 200, 1].into());
        assert_eq!(page.into_bytes(), b"ab    7|abcde123451  10.0.200.1");
    }
}
