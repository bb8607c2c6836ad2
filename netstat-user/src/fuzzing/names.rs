//! Names of arbitrary bytes, as text for people and for programs.

use std::net::IpAddr;

use netstat_events::text;

use crate::{
    args::name,
    format::{push_json, visible},
    netstat::resolve,
};

/// The name of a process, a socket, an interface, a cgroup or a host.
pub fn names(input: &[u8]) {
    let shown = visible(input);
    assert!(!shown.chars().any(harms_a_terminal), "{shown:?}");
    assert_eq!(shown_bytes(&shown), input, "{shown:?}");

    let lossless = text::from_bytes(input);
    assert_eq!(text::to_bytes(&lossless), input, "{lossless:?}");
    assert_eq!(name::bytes(lossless.as_bytes()), input, "{lossless:?}");
    let mut json = Vec::new();
    push_json(&lossless, &mut json);
    let json = str::from_utf8(&json).expect("JSON is UTF-8");
    assert!(!json.chars().any(harms_a_terminal), "{json:?}");
    assert_eq!(serde_json::from_str::<String>(json).expect("JSON"), lossless);

    if let Ok(answer) = str::from_utf8(input) {
        host(answer);
    }
    #[cfg(target_os = "linux")]
    file(input);
    #[cfg(target_os = "linux")]
    unix_socket(input);
}

/// An abstract name and a path can be told apart, and each is read back from what is shown.
#[cfg(target_os = "linux")]
fn unix_socket(sun_path: &[u8]) {
    use crate::netstat::linux::socket::UnixName;

    let name = UnixName::of_address(sun_path);
    let shown = name.to_string();
    assert!(!shown.chars().any(harms_a_terminal), "{shown:?}");
    // A path that begins with @ is shown as `\u{40}`.
    let read = match shown.strip_prefix('@') {
        Some(name) => [b"\0", &shown_bytes(name)[..]].concat(),
        None => shown_bytes(&shown),
    };
    let is_path = sun_path.first().is_some_and(|first| *first != 0);
    let expected = if is_path { sun_path.strip_suffix(b"\0").unwrap_or(sun_path) } else { sun_path };
    assert_eq!(read, expected, "{shown:?}");
}

/// In /etc/networks and /etc/protocols, a line that can't be used costs no other.
#[cfg(target_os = "linux")]
fn file(text: &[u8]) {
    use crate::netstat::linux::name_file::NameFile;

    let parse = |text: &[u8]| NameFile::parse(text, |number| number.parse::<u16>().ok());
    let with_another = parse(&[text, b"\ntcp 6\n"].concat());
    assert!(with_another.name(&6).is_some() && with_another.lost() == parse(text).lost());
    let lost = text.split(|byte| *byte == b'\n').map(|line| parse(line).lost());
    assert_eq!(parse(text).lost(), lost.sum::<usize>());
}

/// A name that the resolver gives breaks no column, and can't be read as an address.
fn host(answer: &str) {
    let Some(name) = resolve::shown_name(IpAddr::from([192, 0, 2, 1]), answer) else { return };
    assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !b":/%[]".contains(&byte)), "{name:?}");
    assert!(name.trim_end_matches('.').parse::<IpAddr>().is_err(), "{name:?}");
    assert!(name.contains(|c: char| c.is_ascii_punctuation() || c.is_ascii_alphabetic()), "{name:?}");
}

/// Control characters, and those that reorder or hide what follows.
pub(super) fn harms_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The name of which this is shown: the opposite of [`visible`], by its documentation.
fn shown_bytes(shown: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '\\'
            && let Some((escaped, length)) = escape(after)
        {
            bytes.extend(escaped);
            rest = &after[length..];
        } else {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            rest = after;
        }
    }
    bytes
}

/// What an escape stands for, and the length of what follows its backslash.
fn escape(after: &str) -> Option<(Vec<u8>, usize)> {
    if let Some(digits) = after.strip_prefix("u{") {
        let digits = digits.split_once('}')?.0;
        let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
        return Some((c.to_string().into_bytes(), digits.len() + 3));
    }
    let digits = after.strip_prefix('x')?.get(..2)?;
    if digits.contains(|c: char| !matches!(c, '0'..='9' | 'a'..='f')) {
        return None;
    }
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (byte == b'\\' || !matches!(byte, b' '..=b'~')).then_some((vec![byte], 3))
}
