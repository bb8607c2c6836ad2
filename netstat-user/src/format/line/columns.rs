//! One line in columns: a cell that is too long uses the spaces after it.

use std::io::Write;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A line that is being written.
pub(super) struct Columns<'a> {
    out: &'a mut Vec<u8>,
    /// Its width so far, in columns of a terminal.
    width: usize,
    has_color: bool,
}

impl<'a> Columns<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, has_color: bool) -> Self {
        Self { out, width: 0, has_color }
    }

    /// Appends text that needs no escapes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self.width += text.width();
        self
    }

    /// Appends text in a style, if colors are on.
    pub(super) fn styled(&mut self, text: &str, style: Style) -> &mut Self {
        if !self.has_color || style.is_plain() {
            return self.text(text);
        }
        // Writing to a Vec can't fail.
        let _ = write!(self.out, "{style}");
        self.text(text);
        let _ = write!(self.out, "{style:#}");
        self
    }

    /// Pads with spaces to the column, with at least `least` of them.
    pub(super) fn go_to(&mut self, column: usize, least: usize) -> &mut Self {
        let spaces = column.saturating_sub(self.width).max(least);
        self.out.resize(self.out.len() + spaces, b' ');
        self.width += spaces;
        self
    }

    /// Pads with at least one space, so that text of this width ends at the column.
    pub(super) fn go_to_end_at(&mut self, column: usize, text: &str) -> &mut Self {
        self.go_to(column.saturating_sub(text.width()), 1)
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        self.out.push(b'\n');
    }
}

/// Truncates the text to the width; an ellipsis shows that it is truncated.
pub(super) fn cut(text: &mut String, width: usize) {
    if text.width() <= width {
        return;
    }
    let mut columns = width.saturating_sub(1);
    let mut end = 0;
    for c in text.chars() {
        match columns.checked_sub(c.width().unwrap_or(0)) {
            Some(left) => columns = left,
            None => break,
        }
        end += c.len_utf8();
    }
    text.truncate(end);
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_uses_the_spaces_after_it() {
        let mut out = Vec::new();
        let mut columns = Columns::new(&mut out, false);
        columns
            .text("long cell")
            .go_to(4, 1)
            .text("웹")
            .go_to(14, 1)
            .text("x")
            .go_to_end_at(20, "end")
            .text("end")
            .end();
        assert_eq!(String::from_utf8(out).unwrap(), "long cell 웹  x  end\n");
    }

    #[test]
    fn text_is_truncated_by_its_width_on_the_terminal() {
        for (text, width, expected) in [
            ("curl", 4, "curl"),
            ("curl", 3, "cu…"),
            ("웹서버", 6, "웹서버"),
            ("웹서버", 5, "웹서…"),
            ("웹서버", 4, "웹…"),
        ] {
            let mut cell = text.to_owned();
            cut(&mut cell, width);
            assert_eq!(cell, expected, "{text} {width}");
        }
    }
}
