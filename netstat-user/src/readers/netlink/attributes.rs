//! The attributes after a netlink message, and the numbers in it.

use anyhow::{Result, anyhow};
use netlink_packet_core::{NLA_HEADER_SIZE, NlasIterator};

/// The attributes after a message or within an attribute: type (without its flag bits) and value of each. One that is
/// malformed is an error, and the last.
pub struct Attributes<'a>(NlasIterator<&'a [u8]>);

impl<'a> Attributes<'a> {
    /// The attributes in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(NlasIterator::new(bytes))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|attribute| {
            let attribute = attribute.map_err(|error| anyhow!("a malformed netlink attribute: {error}"))?;
            let (kind, end) = (attribute.kind(), usize::from(attribute.length()));
            Ok((kind, &attribute.into_inner()[NLA_HEADER_SIZE..end]))
        })
    }
}

/// The u16 at an offset, in the machine's byte order; None beyond the end.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The u32 at an offset, in the machine's byte order; None beyond the end.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The i32 at an offset, in the machine's byte order; None beyond the end.
pub fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}

/// The u64 at an offset, in the machine's byte order; None beyond the end.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The bytes of an attribute, padded (netlink(7)).
#[cfg(test)]
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_attribute_is_an_error_and_the_last() {
        let mut bytes = 8_u16.to_ne_bytes().to_vec();
        bytes.extend(4_u16.to_ne_bytes());
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(6_u16.to_ne_bytes());
        bytes.extend(0x8003_u16.to_ne_bytes());
        bytes.extend([b'l', b'o', 0, 0]);
        let whole: Vec<_> = Attributes::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(whole, [(4, &[1, 2, 3, 4][..]), (3, b"lo")]);
        for length in [1, 7, 9, 13] {
            let cut: Vec<_> = Attributes::new(&bytes[..length]).collect();
            assert!(
                cut.last().is_some_and(Result::is_err) && cut.len() == 1 + length / 8,
                "{length}: {cut:?}"
            );
        }
        assert!(Attributes::new(&[0; 4]).next().is_some_and(|attribute| attribute.is_err()));
    }

    #[test]
    fn a_number_beyond_the_end_is_none() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!((u32_at(&bytes, 5), u32_at(&bytes, 6)), (Some(0), None));
        assert_eq!((u64_at(&bytes, 1), u64_at(&bytes, 2)), (Some(0), None));
        assert_eq!((u16_at(&bytes, 7), u16_at(&bytes, usize::MAX)), (Some(0), None));
    }
}
