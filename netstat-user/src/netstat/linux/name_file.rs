//! A file of names in /etc, such as networks(5) and protocols(5): lines of a name, a number, and aliases.

use std::{fs, path::Path};

use crate::netstat::resolve::{is_printable_word, looks_like_an_address};

/// The names in a file.
#[derive(Debug)]
pub struct NameFile<N> {
    names: Vec<(N, String)>,
    lost: usize,
}

impl<N> Default for NameFile<N> {
    fn default() -> Self {
        Self { names: Vec::new(), lost: 0 }
    }
}

impl<N: PartialEq> NameFile<N> {
    /// Reads the file; without it, nothing has a name. `number` parses the second word of a line.
    pub fn read(path: &Path, number: impl Fn(&str) -> Option<N>) -> Self {
        Self::parse(&fs::read(path).unwrap_or_default(), number)
    }

    /// Parses the lines one by one: they are bytes, and one that can't be used costs no other.
    pub fn parse(text: &[u8], number: impl Fn(&str) -> Option<N>) -> Self {
        let mut file = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let before_comment = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            if before_comment.trim_ascii().is_empty() {
                continue;
            }
            let mut words =
                before_comment.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
            let mut word = || str::from_utf8(words.next()?).ok();
            let entry = word()
                .filter(|name| is_printable_word(name) && !looks_like_an_address(name))
                .and_then(|name| Some((number(word()?)?, name.to_owned())));
            file.lost += usize::from(entry.is_none());
            file.names.extend(entry);
        }
        file
    }

    /// The first name of a number.
    pub fn name(&self, number: &N) -> Option<&str> {
        self.names.iter().find(|(known, _)| known == number).map(|(_, name)| name.as_str())
    }

    /// How many lines can't be used, also because of a name that looks like an address or a number.
    pub fn lost(&self) -> usize {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_can_t_be_used_is_counted_and_costs_no_other() {
        let text = b"ip 0 IP\n# f\xfcr\n\nb\xfcro 1 B\xdcRO\ntcp\t6\tTC\xdcP # Latin-1 alias\nnone\nudp x\nudp 17\r\n";
        let file = NameFile::parse(text, |number| number.parse::<u16>().ok());
        assert_eq!(
            [0, 6, 17, 1].map(|number| file.name(&number)),
            [Some("ip"), Some("tcp"), Some("udp"), None]
        );
        assert_eq!(file.lost(), 3);
    }

    #[test]
    fn a_name_that_looks_like_an_address_or_a_number_is_not_used() {
        let text = b"10.0.0.1 1\n6 17\n* 2\na:80 3\n0.0.0.0 4\n3pc 34\n";
        let file = NameFile::parse(text, |number| number.parse::<u16>().ok());
        assert_eq!([1, 17, 2, 3, 4].map(|number| file.name(&number)), [None; 5]);
        assert_eq!((file.name(&34), file.lost()), (Some("3pc"), 5));
    }
}
