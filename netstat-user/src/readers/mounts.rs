//! Parses mountinfo (proc_pid_mountinfo(5)), as bytes: a mount point may have any name.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// A mount.
#[derive(Debug)]
pub struct Mount<'a> {
    /// The directory or file of the mounted file system; of a namespace, its name, like `net:[4026531840]`.
    pub root: Vec<u8>,
    /// Where it is mounted, seen from the root directory of the process whose mountinfo this is.
    pub mount_point: PathBuf,
    /// The type of the mounted file system.
    pub file_system: &'a [u8],
    /// The options of the mounted file system.
    pub super_options: &'a [u8],
}

/// The mounts in the text of a mountinfo file. A line that is malformed is left out.
pub fn parse(mountinfo: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(parse_line)
}

fn parse_line(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = unescape(fields.nth(3)?);
    let mount_point = OsString::from_vec(unescape(fields.next()?)).into();
    // Options, any number of optional fields, a hyphen, the type of the file system, its source, its options.
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let file_system = fields.next()?;
    let super_options = fields.nth(1)?;
    Some(Mount { root, mount_point, file_system, super_options })
}

/// Decodes a name in mountinfo, which writes a blank, a tab, a line break and a backslash as a backslash and three octal
/// digits (`mangle`, fs/proc_namespace.c). Any other backslash is itself.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..]) => {
                decoded.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                rest = after;
            }
            (byte, _) => decoded.push(*byte),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn the_fields_of_a_mount_are_found_whatever_their_bytes() {
        let text = b"36 35 0:4 net:[4026532281] /run/a\\040b\\134c\xff rw shared:5 master:1 - nsfs nsfs rw\n\
            torn\n\
            23 1 0:21 / /no-type rw -\n\
            35 22 0:30 /a\\134x2db\\040c /x\xe2\x80\x83y\\011\xff rw shared:9 - cgroup2 none rw,nsdelegate\n\
            22 1 0:20 / /proc rw,relatime - proc proc rw,hidepid=invisible\n";
        let mounts: Vec<Mount<'_>> = parse(text).collect();
        assert_eq!(mounts.len(), 3);
        assert_eq!(mounts[0].root, b"net:[4026532281]");
        assert_eq!(mounts[0].mount_point.as_os_str().as_bytes(), b"/run/a b\\c\xff");
        assert_eq!(mounts[1].mount_point.as_os_str().as_bytes(), b"/x\xe2\x80\x83y\t\xff");
        assert_eq!((&mounts[1].root[..], mounts[1].file_system), (&b"/a\\x2db c"[..], &b"cgroup2"[..]));
        assert_eq!(mounts[2].super_options, b"rw,hidepid=invisible");
    }

    #[test]
    fn only_three_octal_digits_are_an_escape() {
        for (field, decoded) in [
            (&b"a\\040b"[..], &b"a b"[..]),
            (b"\\134040", b"\\040"),
            (b"\\377", b"\xff"),
            (b"\\40", b"\\40"),
            (b"\\08x", b"\\08x"),
            (b"\\777", b"\\777"),
            (b"\\", b"\\"),
            (b"", b""),
        ] {
            assert_eq!(unescape(field), decoded, "{field:?}");
        }
    }
}
