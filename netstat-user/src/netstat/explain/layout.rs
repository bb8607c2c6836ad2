//! Paragraphs within the terminal's width, for text whose characters may be two columns wide.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What must not begin a line: closing punctuation.
const CLOSING: &str = "。、，．：；！？)）」』】,.:;!?";

/// Appends the text, each line begun by `first` or, from the second line on, by as many blanks.
pub fn paragraph(out: &mut String, first: &str, text: &str, width: usize) {
    let indent = first.width();
    let mut line = first.to_owned();
    let mut column = indent;
    for word in words(text) {
        let is_glued = column == indent || word.glued;
        let needed = word.text.width() + usize::from(!is_glued);
        let may_not_begin = word.text.chars().next().is_some_and(|c| CLOSING.contains(c));
        if column + needed > width && column > indent && !may_not_begin {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            column = indent;
        } else if !is_glued {
            line.push(' ');
            column += 1;
        }
        line.push_str(word.text);
        column += word.text.width();
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// What is not broken: a word, or a character of a script that has no blanks between words.
struct Word<'a> {
    text: &'a str,
    /// Whether no blank stands before it.
    glued: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for part in text.split_whitespace() {
        let mut begin = 0;
        for (at, c) in part.char_indices() {
            let before = part[..at].chars().next_back();
            if at > begin && (breaks(c) || before.is_some_and(breaks)) {
                words.push(Word { text: &part[begin..at], glued: begin > 0 });
                begin = at;
            }
        }
        words.push(Word { text: &part[begin..], glued: begin > 0 });
    }
    words
}

/// Japanese is broken between any two characters; Korean has blanks, and is broken only there.
fn breaks(c: char) -> bool {
    let is_hangul = matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}');
    c.width() == Some(2) && !is_hangul
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(text: &str, width: usize) -> Vec<String> {
        let mut out = String::new();
        paragraph(&mut out, "* ", text, width);
        out.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_are_broken_between_words_and_never_too_wide() {
        assert_eq!(laid_out("one two three", 9), ["* one two", "  three"]);
        assert_eq!(laid_out("하나 둘 셋", 9), ["* 하나 둘", "  셋"]);
        assert_eq!(laid_out("接続を待つ。", 8), ["* 接続を", "  待つ。"]);
    }

    #[test]
    fn closing_punctuation_does_not_begin_a_line() {
        assert_eq!(laid_out("接続を。待つ", 8), ["* 接続を。", "  待つ"]);
    }

    #[test]
    fn a_word_that_is_too_wide_stands_alone() {
        assert_eq!(
            laid_out("a net.ipv4.tcp_synack_retries b", 10),
            ["* a", "  net.ipv4.tcp_synack_retries", "  b"]
        );
    }
}
