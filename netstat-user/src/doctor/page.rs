//! A text page that grows line by line, with styles and wrapped lines.

use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects, Style};

use crate::text::wrap;

pub(super) const PLAIN: Style = Style::new();
pub(super) const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
pub(super) const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));
pub(super) const FAINT: Style = Style::new().effects(Effects::DIMMED);
const TITLE: Style = Style::new().effects(Effects::BOLD);

/// Columns of a fact's name.
const NAME_WIDTH: usize = 26;

pub(super) struct Page {
    pub text: String,
    /// Columns of the longest line.
    pub width: usize,
    pub color: bool,
}

impl Page {
    pub fn styled(&self, style: Style, text: impl Display) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    pub fn line(&mut self, style: Style, text: &str) {
        self.text += &self.styled(style, text);
        self.text.push('\n');
    }

    pub fn title(&mut self, text: &str) {
        self.text.push('\n');
        self.line(TITLE, text);
    }

    pub fn fact(&mut self, name: &str, value: &str) {
        self.text += &format!("  {name:<NAME_WIDTH$} ");
        self.wrapped(value, NAME_WIDTH + 3, PLAIN);
    }

    /// A setting in /proc/sys/kernel, with a remark.
    pub fn setting(&mut self, name: &str, value: Option<i32>, remark: &str) {
        let value = value.map_or("unknown".to_owned(), |value| value.to_string());
        self.fact(name, &format!("{value} ({remark})"));
    }

    /// A paragraph with a mark before its first line.
    pub fn item(&mut self, mark: &str, text: &str, style: Style) {
        self.text += &format!("  {mark}");
        self.wrapped(text, 2 + mark.len(), style);
    }

    /// Continues the present line in column `indent`; further lines begin in the same column.
    pub fn wrapped(&mut self, text: &str, indent: usize, style: Style) {
        let lines = wrap(text, self.width.saturating_sub(indent));
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.text += &" ".repeat(indent);
            }
            self.line(style, line);
        }
        if lines.is_empty() {
            self.text.push('\n');
        }
    }
}
