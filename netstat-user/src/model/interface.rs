//! The network interface that a socket is bound to.

use std::{fmt, num::NonZero};

/// The interface that a socket is bound to, or that its link-local address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index, which is unique in its network namespace.
    pub index: NonZero<u32>,
    /// Its name; None if it is not known.
    pub name: Option<InterfaceName>,
}

/// A name in the kernel: up to 15 bytes (IFNAMSIZ, include/uapi/linux/if.h), none of them a slash, a colon or what
/// `isspace` of the kernel counts as a space (`dev_valid_name`, net/core/dev.c). They need not be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InterfaceName([u8; 16]);

impl InterfaceName {
    /// The name in these bytes, up to the first NUL; None if that is empty or too long.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let name = bytes.split(|byte| *byte == 0).next()?;
        let mut padded = [0; 16];
        padded[..15].get_mut(..name.len())?.copy_from_slice(name);
        (!name.is_empty()).then_some(Self(padded))
    }

    /// The bytes of the name: untrusted.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_the_first_nul_and_has_at_most_15_bytes() {
        let name = |bytes: &[u8]| InterfaceName::new(bytes).map(|name| name.as_bytes().to_vec());
        assert_eq!(name(b"eth0"), Some(b"eth0".to_vec()));
        assert_eq!(name(b"ab\xffcd\0garbage of more than 15 bytes"), Some(b"ab\xffcd".to_vec()));
        assert_eq!(name(b"fifteen-bytes-x"), Some(b"fifteen-bytes-x".to_vec()));
        for bytes in [&b""[..], b"\0eth0", b"sixteen-bytes-xx"] {
            assert_eq!(name(bytes), None, "{bytes:?}");
        }
    }
}
