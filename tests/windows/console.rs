//! Ctrl-C on a console. In a process of its own, since a console event goes to all processes that share the console.
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

/// Keeps the event from ending this process.
unsafe extern "system" fn ignore(_: u32) -> BOOL {
    1
}

/// Gives this process and its children a new console. Its own output goes where it went before.
fn own_console() {
    // SAFETY: the only pointer that the functions keep is the handler, which lives as long as the program.
    unsafe {
        let words = [STD_OUTPUT_HANDLE, STD_ERROR_HANDLE].map(|stream| (stream, GetStdHandle(stream)));
        // The process may have no console, as under Wine without a terminal.
        FreeConsole();
        assert_ne!(AllocConsole(), 0, "{}", std::io::Error::last_os_error());
        for (stream, handle) in words {
            SetStdHandle(stream, handle);
        }
        assert_ne!(SetConsoleCtrlHandler(Some(ignore), 1), 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
fn ctrl_c_ends_a_trace_with_its_end_event_and_a_repeating_rnetstat() {
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
    // SAFETY: both arguments are numbers: the event, and 0 for all processes of the console.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
    assert_ne!(sent, 0, "{}", std::io::Error::last_os_error());
    assert_eq!(events.last().unwrap()["event"], "end");
    assert_eq!(trace.wait().unwrap().code(), Some(0));
    assert!(page.all(|line| line.unwrap() != "Active Connections"));
    assert_eq!(repeats.wait().unwrap().code(), Some(0));
}
