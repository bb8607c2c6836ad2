//! Durations: `10s`, `500ms`, `1m30s`, `2h`; a plain number is seconds.

use std::time::Duration;

use jiff::SignedDuration;

/// Parses a duration above 0.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let is_plain_number = text.parse::<f64>().is_ok();
    let with_unit = if is_plain_number { format!("{text}s") } else { text.to_owned() };
    let duration: SignedDuration = with_unit
        .parse()
        .map_err(|_| format!("{text:?} is no duration: say one like 10 (seconds), 500ms, 1m30s or 2h"))?;
    Duration::try_from(duration)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{text:?} is too short: say a time longer than 0, like 10s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_with_and_without_units() {
        for (text, milliseconds) in [
            ("10", 10_000),
            ("2.5", 2_500),
            ("10s", 10_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("2h", 7_200_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn the_error_names_the_text_that_is_no_duration() {
        for (text, named) in [
            ("abc", "\"abc\" is no duration"),
            ("", "\"\" is no duration"),
            ("10 parsecs", "is no duration"),
            ("inf", "is no duration"),
            ("1e400", "is no duration"),
            ("99999999999999999999999s", "is no duration"),
            ("0", "longer than 0"),
            ("0ms", "longer than 0"),
            ("-5s", "longer than 0"),
            ("-5", "longer than 0"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains('\n'));
        }
    }
}
