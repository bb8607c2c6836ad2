//! Names of hosts and ports from the system's resolver. Each is looked up once.

mod hosts;
mod services;

pub use hosts::Hosts;
pub use services::{Kind, Services};

/// Whether a name, which may come from another host, is one word of printable ASCII: it can't break a column or control the
/// terminal.
pub fn is_printable_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_a_column_is_no_printable_word() {
        for name in ["", "two words", "bell\x07", "ünicode", "line\nbreak"] {
            assert!(!is_printable_word(name), "{name:?}");
        }
        assert!(is_printable_word("www.example.org"));
    }
}
