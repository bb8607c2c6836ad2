//! The name of a UNIX domain socket (unix(7)): a path, or any bytes in the abstract namespace.

use std::fmt;

use crate::format::visible;

/// A name: arbitrary bytes of a process's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixName {
    /// The bytes; those of an abstract name begin with `@` in place of its first NUL.
    bytes: Vec<u8>,
    /// Whether it is abstract; None if /proc leaves that open.
    is_abstract: Option<bool>,
}

impl UnixName {
    /// The name in a `sun_path`: an abstract one begins with a NUL, a path ends with one.
    pub fn of_address(sun_path: &[u8]) -> Self {
        match sun_path {
            [] => Self::default(),
            [0, name @ ..] => Self { bytes: [b"@", name].concat(), is_abstract: Some(true) },
            path => {
                Self { bytes: path.strip_suffix(b"\0").unwrap_or(path).to_vec(), is_abstract: Some(false) }
            }
        }
    }

    /// The name in /proc/net/unix, which writes `@` for each NUL.
    pub fn of_proc(bytes: &[u8]) -> Self {
        let is_abstract = if bytes.first().is_none_or(|first| *first == b'@') { None } else { Some(false) };
        Self { bytes: bytes.to_vec(), is_abstract }
    }

    /// The name as /proc/net/unix writes it.
    pub fn in_proc(&self) -> Vec<u8> {
        self.bytes.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect()
    }

    /// Whether the name is abstract; None without a name, and if that is not known.
    pub fn is_abstract(&self) -> Option<bool> {
        self.is_abstract
    }

    /// The bytes; an abstract name begins with `@`, as may a path.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// As text that is safe to show and can't be mistaken: an abstract name begins with `@`, a path that does is written with
/// an escape, and so is a NUL.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes.split_first() {
            Some((b'@', path)) if self.is_abstract == Some(false) => write!(f, "\\u{{40}}{}", visible(path)),
            _ => f.write_str(&visible(&self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abstract_name_and_a_path_can_be_told_apart() {
        for (sun_path, shown, is_abstract) in [
            (&b""[..], "", None),
            (b"/run/a.sock\0", "/run/a.sock", Some(false)),
            (b"/not/ended", "/not/ended", Some(false)),
            (b"@a\0", "\\u{40}a", Some(false)),
            (b"\\u{40}a\0", "\\x5cu{40}a", Some(false)),
            (b"\0a", "@a", Some(true)),
            (b"\0", "@", Some(true)),
            (b"\0a\0b\0", "@a\\x00b\\x00", Some(true)),
            (b"\0a@b", "@a@b", Some(true)),
            (b"\0a\\0b", "@a\\0b", Some(true)),
            (b"/\xff\n\x1b[2J\0", "/\\xff\\x0a\\x1b[2J", Some(false)),
        ] {
            let name = UnixName::of_address(sun_path);
            assert_eq!((name.to_string().as_str(), name.is_abstract()), (shown, is_abstract), "{sun_path:?}");
        }
    }

    #[test]
    fn proc_leaves_open_what_an_at_sign_means() {
        assert_eq!(UnixName::of_proc(b"@a@b").is_abstract(), None);
        assert_eq!(UnixName::of_proc(b"/a").is_abstract(), Some(false));
        assert_eq!(UnixName::of_address(b"\0a\0b").in_proc(), b"@a@b");
        assert_eq!(UnixName::of_address(b"/a\0").in_proc(), b"/a");
    }
}
