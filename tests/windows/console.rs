//! A console and its Ctrl-C. In a process of its own: whatever the console tells goes to all that share it.
#![cfg(windows)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;
use windows_sys::{
    Win32::System::Console::{
        AllocConsole, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent, GetStdHandle, STD_ERROR_HANDLE,
        STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetStdHandle,
    },
    core::BOOL,
};

/// What is for the child doesn't end this process.
unsafe extern "system" fn ignore(_: u32) -> BOOL {
    1
}

/// Gives this process, and who it starts, a console that nobody else has; its own words go where they went.
fn own_console() {
    // SAFETY: the functions take no places but the handler's, which lives as long as the program.
    unsafe {
        let words = [STD_OUTPUT_HANDLE, STD_ERROR_HANDLE].map(|stream| (stream, GetStdHandle(stream)));
        // It may have none, as under Wine without a terminal.
        FreeConsole();
        assert_ne!(AllocConsole(), 0, "{}", std::io::Error::last_os_error());
        for (stream, handle) in words {
            SetStdHandle(stream, handle);
        }
        assert_ne!(SetConsoleCtrlHandler(Some(ignore), 1), 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
fn ctrl_c_ends_a_trace_with_its_last_word_and_a_repeated_look() {
    own_console();
    let mut trace = Command::new(env!("CARGO_BIN_EXE_rnetstat-trace"))
        .args(["--json", "--interval", "100ms"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(trace.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert_eq!(events.next().unwrap()["event"], "start");
    let mut repeats = Command::new(env!("CARGO_BIN_EXE_rnetstat"))
        .args(["-an", "3600"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut page = BufReader::new(repeats.stdout.take().unwrap()).lines();
    assert_eq!(page.nth(1).unwrap().unwrap(), "Active Connections");
    // SAFETY: a number says which event it is, 0 that all of the console's processes get it.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
    assert_ne!(sent, 0, "{}", std::io::Error::last_os_error());
    assert_eq!(events.last().unwrap()["event"], "end");
    assert_eq!(trace.wait().unwrap().code(), Some(0));
    assert!(page.all(|line| line.unwrap() != "Active Connections"));
    assert_eq!(repeats.wait().unwrap().code(), Some(0));
}
