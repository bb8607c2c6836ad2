//! Sizes of buffers: `65536`, `64K`, `16M`, `4MiB`; K, M and G are powers of 1024.

const PAGE: u32 = 4096;
const LARGEST: u32 = 1 << 31;

/// Parses the size of a ring buffer, bytes.
pub(super) fn parse_ring(text: &str) -> Result<u32, String> {
    bytes(text)
        .and_then(|bytes| u32::try_from(bytes).ok())
        .filter(|bytes| bytes.is_power_of_two() && (PAGE..=LARGEST).contains(bytes))
        .ok_or_else(|| format!("{text:?} is no ring size: say a power of two from 4K to 2G, like 16M"))
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_with_and_without_units() {
        for (text, size) in [
            ("65536", 1 << 16),
            ("4096", PAGE),
            ("4k", PAGE),
            ("64K", 1 << 16),
            ("16M", 16 << 20),
            ("4MiB", 4 << 20),
            ("8 MB", 8 << 20),
            ("1G", 1 << 30),
            ("2048m", LARGEST),
        ] {
            assert_eq!(parse_ring(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn an_invalid_ring_size_is_named_in_the_error() {
        for text in ["", "M", "5000", "3M", "2K", "4G", "-4096", "16 Mbit", "1.5M", "99999999999999999999G"] {
            let error = parse_ring(text).unwrap_err();
            assert!(error.starts_with(&format!("{text:?} is no ring size: say a power of two")), "{error}");
        }
    }
}
