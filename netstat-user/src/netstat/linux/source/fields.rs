//! The fields of a line of /proc/net: numbers in hexadecimal and decimal, with blanks and colons between.

/// What is left of a line.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// All of it.
    pub fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// The next number in hexadecimal, and how many digits it has.
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

    /// The next number in hexadecimal.
    pub fn hex_value<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.hex()?.0).ok()
    }

    /// The next number in decimal.
    pub fn decimal<T: TryFrom<u64>>(&mut self) -> Option<T> {
        self.skip_blanks();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = self.0[..digits]
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        self.0 = &self.0[digits..];
        T::try_from(value.filter(|_| digits > 0)?).ok()
    }

    /// So many hexadecimal digits, each eight of them a word of this machine's byte order: the bytes.
    pub fn words<const WORDS: usize>(&mut self) -> Option<[[u8; 4]; WORDS]> {
        self.skip_blanks();
        let mut words = [[0; 4]; WORDS];
        for word in &mut words {
            let (digits, rest) = self.0.split_at_checked(8)?;
            let mut value = 0_u32;
            for byte in digits {
                value = value << 4 | (*byte as char).to_digit(16)?;
            }
            *word = value.to_ne_bytes();
            self.0 = rest;
        }
        Some(words)
    }

    /// Skips a colon.
    pub fn colon(&mut self) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == b':').then_some(())
    }

    /// Skips what is up to the next blank.
    pub fn skip(&mut self) -> Option<()> {
        self.skip_blanks();
        let length = self.0.iter().take_while(|byte| **byte != b' ').count();
        self.0 = &self.0[length..];
        (length > 0).then_some(())
    }

    /// All the rest, without the blank before it.
    pub fn rest(self) -> &'a [u8] {
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
    fn numbers_are_read_as_they_are_written() {
        let mut fields = Fields::new(b"  0A:ff 12 4294967296 x");
        assert_eq!(fields.hex(), Some((10, 2)));
        assert_eq!(fields.colon(), Some(()));
        assert_eq!(fields.hex_value::<u8>(), Some(255));
        assert_eq!(fields.decimal::<u32>(), Some(12));
        assert_eq!(fields.decimal::<u32>(), None);
        assert_eq!(fields.rest(), b"x");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [&b""[..], b" ", b"g", b":", b"-1"] {
            assert_eq!(Fields::new(text).hex(), None);
            assert_eq!(Fields::new(text).decimal::<u64>(), None);
        }
        assert_eq!(Fields::new(b"11112222333344445").hex(), None);
        assert_eq!(Fields::new(b"99999999999999999999").decimal::<u64>(), None);
        assert_eq!(Fields::new(b"0100007").words::<1>(), None);
    }
}
