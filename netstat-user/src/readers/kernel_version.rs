//! The kernel's version: only for facts that can't be tried out.

/// Major and minor number of the running kernel; None if its release doesn't begin with them.
pub fn running() -> Option<(u32, u32)> {
    parse(rustix::system::uname().release().to_bytes())
}

fn parse(release: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = release.split(|byte| !byte.is_ascii_digit());
    let mut number = || str::from_utf8(numbers.next()?).ok()?.parse().ok();
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_the_version() {
        for (release, version) in [
            (&b"6.18.44-cloud"[..], Some((6, 18))),
            (b"5.10.0-32-amd64", Some((5, 10))),
            (b"7.0-rc1", Some((7, 0))),
            (b"6", None),
            (b"", None),
            (b"x6.1", None),
        ] {
            assert_eq!(parse(release), version);
        }
        assert!(running().is_some());
    }
}
