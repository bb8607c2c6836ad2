//! Pages for people: the terminal's width, and paragraphs that fit in it, also of characters two columns wide.

use terminal_size::Width;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The width of a page, columns: longer lines are hard to read.
const WIDEST: usize = 100;
const NARROWEST: usize = 40;
/// The width where stdout is no terminal.
const USUAL: usize = 80;

/// Closing punctuation: it never begins a line.
const CLOSING: &str = "。、，．：；！？)）」』】,.:;!?";

/// The width of a page on stdout, columns.
pub fn width() -> usize {
    match terminal_size::terminal_size_of(std::io::stdout()) {
        Some((Width(columns @ 1..), _)) => usize::from(columns).clamp(NARROWEST, WIDEST),
        _ => USUAL,
    }
}

/// Appends the text in lines of at most `width` columns. The first begins with `first`, the others with as many blanks.
pub fn paragraph(out: &mut String, first: &str, text: &str, width: usize) {
    let indent = first.width();
    let lines = wrap(text, width.saturating_sub(indent));
    out.push_str(if lines.is_empty() { first.trim_end() } else { first });
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(line);
    }
    out.push('\n');
}

/// Breaks the text into lines of at most `width` columns. A word that is longer has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let is_glued = line.is_empty() || word.glued;
        let needed = line.width() + word.text.width() + usize::from(!is_glued);
        let may_begin_a_line = word.text.chars().next().is_none_or(|c| !CLOSING.contains(c));
        if needed > width && !line.is_empty() && may_begin_a_line {
            lines.push(std::mem::take(&mut line));
        } else if !is_glued {
            line.push(' ');
        }
        line.push_str(word.text);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A piece of text without a place to break a line: a word, or a character of a script without blanks between words.
struct Word<'a> {
    text: &'a str,
    /// Whether it follows the word before it without a blank.
    glued: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for part in text.split_whitespace() {
        let mut begin = 0;
        for (at, c) in part.char_indices() {
            let before = part[..at].chars().next_back();
            if at > begin && (stands_alone(c) || before.is_some_and(stands_alone)) {
                words.push(Word { text: &part[begin..at], glued: begin > 0 });
                begin = at;
            }
        }
        words.push(Word { text: &part[begin..], glued: begin > 0 });
    }
    words
}

/// Whether a line may be broken before and after the character: Japanese is written without blanks, Korean with them.
fn stands_alone(c: char) -> bool {
    let is_hangul = matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}');
    c.width() == Some(2) && !is_hangul
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<String> {
        let mut out = String::new();
        paragraph(&mut out, "* ", text, width);
        out.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_are_broken_between_words_and_fit_the_width() {
        assert_eq!(lines("one two three", 9), ["* one two", "  three"]);
        assert_eq!(lines("하나 둘 셋", 9), ["* 하나 둘", "  셋"]);
        assert_eq!(lines("接続を待つ。", 8), ["* 接続を", "  待つ。"]);
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
    }

    #[test]
    fn closing_punctuation_does_not_begin_a_line() {
        assert_eq!(lines("接続を。待つ", 8), ["* 接続を。", "  待つ"]);
    }

    #[test]
    fn a_word_longer_than_the_width_has_a_line_of_its_own() {
        assert_eq!(
            lines("a net.ipv4.tcp_synack_retries b", 10),
            ["* a", "  net.ipv4.tcp_synack_retries", "  b"]
        );
        assert_eq!(wrap("FIN_WAIT2→TIME_WAIT after", 10), ["FIN_WAIT2→TIME_WAIT", "after"]);
    }

    #[test]
    fn an_empty_text_has_no_lines_and_is_an_empty_paragraph() {
        assert!(wrap("", 10).is_empty());
        assert_eq!(lines("", 10), ["*"]);
    }
}
