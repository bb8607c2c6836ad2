//! Numbers of rows and of connections.

use std::num::NonZero;

/// Parses how many rows a trace shows.
pub(super) fn parse_rows(text: &str) -> Result<u64, String> {
    let number = digits(text).and_then(|digits| digits.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| {
        format!("{text:?} is no number of rows: say one from 1 on, like 100; without -n there is no limit")
    })
}

/// Parses how many connections the table holds.
pub(super) fn parse_connections(text: &str) -> Result<NonZero<usize>, String> {
    digits(text).and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        format!("{text:?} is no number of connections: say one from 1 on without a unit, like 1000000")
    })
}

/// The text, if it consists of decimal digits: a sign is none.
fn digits(text: &str) -> Option<&str> {
    Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed() {
        assert_eq!(parse_rows("1"), Ok(1));
        assert_eq!(parse_rows("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_connections("1000000").unwrap().get(), 1_000_000);
    }

    #[test]
    fn what_is_no_number_above_0_is_named_in_the_error() {
        for text in [
            "0",
            "-5",
            "+5",
            "inf",
            "NaN",
            "1e3",
            "63K",
            "1_000",
            "1.5",
            "",
            " 1",
            "18446744073709551616",
            "１",
        ] {
            let error = parse_rows(text).unwrap_err();
            assert!(
                error.starts_with(&format!("{text:?} is no number of rows: say one from 1 on")),
                "{error}"
            );
            let error = parse_connections(text).unwrap_err();
            assert!(
                error.starts_with(&format!("{text:?} is no number of connections: say one from 1 on")),
                "{error}"
            );
        }
    }
}
