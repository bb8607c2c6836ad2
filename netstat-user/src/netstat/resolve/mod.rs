//! Names of hosts and ports from the system's resolver. Each is looked up once.

mod hosts;
mod services;

use dns_lookup::{LookupError, LookupErrorKind};

pub use hosts::Hosts;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use hosts::shown_name;
pub use services::{Kind, Services};

/// What the resolver says of an address or a port.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// There is no name, or not yet.
    Nothing,
    /// The name.
    Name(String),
    /// The name is no printable word, or looks like another address: whoever answers, such as another host's name server,
    /// may have chosen any bytes.
    Unusable,
}

impl Answer {
    /// The resolver's answer. A name that is only the number counts as none.
    fn of(found: Result<String, LookupError>, is_number: impl Fn(&str) -> bool) -> Self {
        match found {
            Ok(name) if is_number(&name) => Self::Nothing,
            Ok(name) if is_printable_word(&name) && !looks_like_an_address(&name) => Self::Name(name),
            Ok(_) => Self::Unusable,
            // dns_lookup's error for a name that is not UTF-8.
            Err(error) if matches!(error.kind(), LookupErrorKind::IO) => Self::Unusable,
            Err(_) => Self::Nothing,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Nothing | Self::Unusable => None,
        }
    }
}

/// Whether a name, which may come from another host, is one word of printable ASCII: it can't break a column or control the
/// terminal.
pub fn is_printable_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a person would read the name as an address, a port or both, or as the sign for none: whoever owns an address
/// chooses its name, and could choose another host's address.
pub fn looks_like_an_address(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // inet_aton(3) takes such a name for an address: `127.1`, `0x7f000001`.
    let is_number = match last.strip_prefix("0x").or(last.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let has_word = name.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is_number || !has_word || name.contains([':', '/', '%', '[', ']', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_printable_word_is_unusable_and_a_number_is_none() {
        let answer = |name: &str| Answer::of(Ok(name.to_owned()), |name| name.parse::<u16>().is_ok());
        assert_eq!(answer("ssh"), Answer::Name("ssh".to_owned()));
        assert_eq!((answer("22"), answer("s\x1b[2Jh")), (Answer::Nothing, Answer::Unusable));
        let not_utf8 = std::io::Error::other("Service UTF8 parsing failed");
        assert_eq!(Answer::of(Err(not_utf8.into()), |_| false), Answer::Unusable);
    }

    #[test]
    fn a_port_s_name_that_looks_like_an_address_or_a_port_is_unusable() {
        let answer = |name: &str| Answer::of(Ok(name.to_owned()), |name| name.parse::<u16>().is_ok());
        for name in ["0.0.0.0", "fake:443", "*", "[::]", "70000", "0x16", "-", "--", "_."] {
            assert_eq!(answer(name), Answer::Unusable, "{name}");
        }
        assert_eq!(answer("z39-50"), Answer::Name("z39-50".to_owned()));
    }

    #[test]
    fn a_name_that_could_break_a_column_is_no_printable_word() {
        for name in ["", "two words", "bell\x07", "ünicode", "line\nbreak"] {
            assert!(!is_printable_word(name), "{name:?}");
        }
        assert!(is_printable_word("www.example.org"));
    }
}
