//! Names of hosts and ports, by the system's own ways, each asked for once.

mod hosts;
mod services;

pub use hosts::Hosts;
pub use services::{Kind, Services};

/// Whether a name, which others have chosen, shows as one word and nothing else.
pub fn is_harmless(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_a_column_is_none() {
        for name in ["", "two words", "bell\x07", "ünicode", "line\nbreak"] {
            assert!(!is_harmless(name), "{name:?}");
        }
        assert!(is_harmless("www.example.org"));
    }
}
