//! The fields of a line in /proc/net: hexadecimal and decimal numbers, separated by blanks and colons.

/// Reads a line field by field. Each method skips leading blanks; None means that the line is malformed.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Begins at the start of the line.
    pub fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// A hexadecimal number, and the number of its digits.
    pub fn hex(&mut self) -> Option<(u64, usize)> {
        self.skip_blanks();
        let mut value: u64 = 0;
        let mut digits = 0;
        while let Some(digit) = self.0.get(digits).and_then(|byte| (*byte as char).to_digit(16)) {
            value = value.checked_mul(16)? | u64::from(digit);
            digits += 1;
        }
        self.0 = &self.0[digits..];
        (digits > 0).then_some((value, digits))
    }

    /// A hexadecimal number that fits `T`.
    pub fn hex_value<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.hex()?.0).ok()
    }

    /// A decimal number that fits `T`.
    pub fn decimal<T: TryFrom<u64>>(&mut self) -> Option<T> {
        self.skip_blanks();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = self.0[..digits]
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        self.0 = &self.0[digits..];
        T::try_from(value.filter(|_| digits > 0)?).ok()
    }

    /// An address: `WORDS` groups of eight hexadecimal digits, each a 32-bit word that the kernel printed in the machine's
    /// byte order; as bytes in network byte order.
    pub fn words<const WORDS: usize>(&mut self) -> Option<[[u8; 4]; WORDS]> {
        self.skip_blanks();
        let mut words = [[0; 4]; WORDS];
        for word in &mut words {
            let (digits, after) = self.0.split_at_checked(8)?;
            let mut value = 0_u32;
            for byte in digits {
                value = value << 4 | (*byte as char).to_digit(16)?;
            }
            *word = value.to_ne_bytes();
            self.0 = after;
        }
        Some(words)
    }

    /// Skips a colon.
    pub fn colon(&mut self) -> Option<()> {
        let (first, after) = self.0.split_first()?;
        self.0 = after;
        (*first == b':').then_some(())
    }

    /// Skips a field.
    pub fn skip(&mut self) -> Option<()> {
        self.skip_blanks();
        let length = self.0.iter().take_while(|byte| **byte != b' ').count();
        self.0 = &self.0[length..];
        (length > 0).then_some(())
    }

    /// The remainder of the line, without the one blank that separates it from the field before.
    pub fn remainder(self) -> &'a [u8] {
        self.0.strip_prefix(b" ").unwrap_or(self.0)
    }

    fn skip_blanks(&mut self) {
        let blanks = self.0.iter().take_while(|byte| **byte == b' ').count();
        self.0 = &self.0[blanks..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order() {
        let mut fields = Fields::new(b"  0A:ff 12 4294967296 x");
        assert_eq!(fields.hex(), Some((10, 2)));
        assert_eq!(fields.colon(), Some(()));
        assert_eq!(fields.hex_value::<u8>(), Some(255));
        assert_eq!(fields.decimal::<u32>(), Some(12));
        assert_eq!(fields.decimal::<u32>(), None);
        assert_eq!(fields.remainder(), b"x");
    }

    #[test]
    fn a_field_that_is_no_number_or_too_large_is_none() {
        for text in [&b""[..], b" ", b"g", b":", b"-1"] {
            assert_eq!(Fields::new(text).hex(), None);
            assert_eq!(Fields::new(text).decimal::<u64>(), None);
        }
        assert_eq!(Fields::new(b"11112222333344445").hex(), None);
        assert_eq!(Fields::new(b"99999999999999999999").decimal::<u64>(), None);
        assert_eq!(Fields::new(b"0100007").words::<1>(), None);
    }
}
