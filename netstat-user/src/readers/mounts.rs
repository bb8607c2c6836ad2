//! Parses mountinfo (proc_pid_mountinfo(5)), as bytes: a mount point may have any name.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// A mount.
#[derive(Debug)]
pub struct Mount<'a> {
    /// The directory or file of the mounted file system; of a namespace, its name, like `net:[4026531840]`.
    pub root: &'a [u8],
    /// Where it is mounted, seen from the root directory of the process whose mountinfo this is.
    pub mount_point: PathBuf,
    /// The options of the mounted file system.
    pub super_options: &'a [u8],
}

/// The mounts in the text of a mountinfo file. A line that is malformed is left out.
pub fn parse(mountinfo: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(parse_line)
}

fn parse_line(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = fields.nth(3)?;
    let mount_point = unescape(fields.next()?);
    // Options, any number of optional fields, a hyphen, the type of the file system, its source, its options.
    let super_options = fields.skip_while(|field| *field != b"-").nth(3)?;
    Some(Mount { root, mount_point, super_options })
}

/// Decodes a path in mountinfo, which writes blanks and backslashes as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut parts = field.split(|byte| *byte == b'\\');
    let mut path = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let (digits, plain) = part.split_at(part.len().min(3));
        path.extend(str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok()));
        path.extend(plain);
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn the_fields_of_a_mount_are_found_whatever_their_bytes() {
        let text = b"36 35 0:4 net:[4026532281] /run/a\\040b\\134c\xff rw shared:5 master:1 - nsfs nsfs rw\n\
            torn\n\
            22 1 0:20 / /proc rw,relatime - proc proc rw,hidepid=invisible\n";
        let mounts: Vec<Mount<'_>> = parse(text).collect();
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].root, b"net:[4026532281]");
        assert_eq!(mounts[0].mount_point.as_os_str().as_bytes(), b"/run/a b\\c\xff");
        assert_eq!(mounts[1].super_options, b"rw,hidepid=invisible");
    }
}
