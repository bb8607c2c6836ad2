//! The command lines of both programs.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::{cli, netstat};

/// The arguments after the program's name, with a line break between them. The first byte selects the program.
pub fn command_lines(input: &[u8]) {
    let Some((program, arguments)) = input.split_first() else { return };
    let arguments = arguments.split(|byte| *byte == b'\n').map(argument);
    let error = if program % 2 == 0 {
        cli::parse([OsString::from("rnetstat-trace")].into_iter().chain(arguments), false, || None).err()
    } else {
        netstat::parse([OsString::from("rnetstat")].into_iter().chain(arguments), false, |_| None).err()
    };
    let Some(error) = error else { return };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return;
    }
    // The message; what to do follows after an empty line.
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    assert!(message.starts_with("error: ") && message.len() > "error: ".len(), "{text}");
}

/// The argument that the operating system would give: none has a NUL.
fn argument(bytes: &[u8]) -> OsString {
    os_string(bytes.iter().copied().filter(|byte| *byte != 0).collect())
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8(bytes).unwrap_or_default().into()
}
