//! Names of networks, protocols, ports and hosts: files of bytes, in which one bad line costs no other.

#![cfg(target_os = "linux")]

use std::{
    ffi::{CStr, CString},
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Result, ensure};
use netstat_tests::{
    child, mounts,
    netns::{Namespace, ip},
    netstat::rnetstat,
    sample_sockets::at,
    skip,
    sock::Sock,
};
use rustix::{
    net::{AddressFamily, Protocol, SocketType},
    process::{Resource, Rlimit, setrlimit},
};

/// A file that replaces one in /etc for one command, and is deleted at the end.
struct Replacement(PathBuf);

impl Replacement {
    fn new(text: &[u8]) -> Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rnetstat-names-{}-{number}", std::process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }

    fn apply(&self, command: &mut Command, to: &'static CStr) -> Result<()> {
        mounts::replaced(command, to, CString::new(self.0.as_os_str().as_encoded_bytes())?);
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // What can't be deleted stays in the directory for temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

/// The output and what stderr says, with another text in a file of /etc.
fn with_file(arguments: &[&str], file: &'static CStr, text: &[u8]) -> Result<(String, String)> {
    let replacement = Replacement::new(text)?;
    let mut command = rnetstat(arguments)?;
    replacement.apply(&mut command, file)?;
    let output = command.output()?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[test]
fn a_network_s_name_that_is_not_utf_8_costs_no_other_name() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/networks") {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        for network in ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"] {
            ip(&format!("route add {network} dev lo"))?;
        }
        let text = b"b\xfcro 10.1.0.0\n# caf\xe9\nlab 10.2.0.0 caf\xe9\nesc\x1b[2J 10.3.0.0\n";
        let (stdout, stderr) = with_file(&["-r"], c"/etc/networks", text)?;
        ensure!(stdout.lines().any(|line| line.starts_with("lab ")), "{stdout}");
        ensure!(stdout.contains("\n10.1.0.0 ") && stdout.contains("\n10.3.0.0 "), "{stdout}");
        ensure!(stderr.lines().count() == 1 && stderr.contains("2 lines of /etc/networks"), "{stderr}");
        Ok(())
    })
}

#[test]
fn a_protocol_s_name_that_is_not_utf_8_costs_no_other_name() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/protocols") {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let raw = |number: u32| {
            let protocol = std::num::NonZero::new(number).map(Protocol::from_raw);
            rustix::net::socket(AddressFamily::INET, SocketType::RAW, protocol)
        };
        let _sockets = [raw(253)?, raw(254)?];
        let text = b"ip 0 IP\nf\xfcr 253 F\xdcR\nlab 254 LAB # caf\xe9\n";
        let (stdout, stderr) = with_file(&["-aw", "--numeric-hosts"], c"/etc/protocols", text)?;
        ensure!(stdout.contains("0.0.0.0:lab ") && stdout.contains("0.0.0.0:253 "), "{stdout}");
        ensure!(stderr.lines().count() == 1 && stderr.contains("1 line of /etc/protocols"), "{stderr}");
        Ok(())
    })
}

#[test]
fn a_port_s_name_that_is_not_utf_8_costs_no_other_name() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/services") {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let _listeners =
            [Sock::listening(at("127.0.0.1", 8080)?, 1)?, Sock::listening(at("127.0.0.1", 8081)?, 1)?];
        let text = b"f\xfcr 8080/tcp\nlab 8081/tcp caf\xe9\n";
        let (stdout, stderr) = with_file(&["-lt", "--numeric-hosts"], c"/etc/services", text)?;
        ensure!(stdout.contains("127.0.0.1:lab ") && stdout.contains("127.0.0.1:8080 "), "{stdout}");
        ensure!(stderr.lines().count() == 1 && stderr.contains("1 name of a port"), "{stderr}");
        Ok(())
    })
}

#[test]
fn a_host_s_name_that_is_not_utf_8_costs_no_other_name() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/hosts") {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let _listeners =
            [Sock::listening(at("127.0.0.2", 8080)?, 1)?, Sock::listening(at("127.0.0.3", 8080)?, 1)?];
        let text = b"127.0.0.2 b\xfcro\n127.0.0.3 lab caf\xe9\n";
        let (stdout, stderr) = with_file(&["-lt", "--numeric-ports"], c"/etc/hosts", text)?;
        ensure!(stdout.contains(" lab:8080 ") && stdout.contains(" 127.0.0.2:8080 "), "{stdout}");
        ensure!(stderr.lines().count() <= 1 && !stderr.contains('\u{fffd}'), "{stderr}");
        Ok(())
    })
}

/// Otherwise a name could pass for another network, port or protocol.
#[test]
fn a_name_that_looks_like_an_address_or_a_number_is_not_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let [networks, services, protocols] = [c"/etc/networks", c"/etc/services", c"/etc/protocols"];
    if skip::without_file(networks) || skip::without_file(services) || skip::without_file(protocols) {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        ip("route add 10.1.0.0/16 dev lo")?;
        for (name, is_line_lost) in
            [("192.168.7.0", true), ("-", true), ("192.168.100.200.example.org", false), ("default", false)]
        {
            let text = format!("{name} 10.1.0.0\n");
            let (stdout, stderr) = with_file(&["-r"], networks, text.as_bytes())?;
            ensure!(stdout.contains("\n10.1.0.0 ") && !stdout.contains("192.168"), "{name}: {stdout}");
            ensure!(stderr.contains("1 line of /etc/networks") == is_line_lost, "{name}: {stderr}");
        }
        let _listener = Sock::listening(at("127.0.0.1", 8080)?, 1)?;
        for name in ["443", "fake:443", "*", "0.0.0.0", "-"] {
            let text = format!("{name} 8080/tcp\n");
            let (stdout, _) = with_file(&["-lt", "--numeric-hosts"], services, text.as_bytes())?;
            ensure!(stdout.contains(" 127.0.0.1:8080 "), "{name}: {stdout}");
        }
        let protocol = std::num::NonZero::new(99).map(Protocol::from_raw);
        let _raw = rustix::net::socket(AddressFamily::INET, SocketType::RAW, protocol)?;
        let (stdout, _) = with_file(&["-aw", "--numeric-hosts"], c"/etc/protocols", b"6 99\n")?;
        ensure!(stdout.contains(" 0.0.0.0:99 "), "{stdout}");
        Ok(())
    })
}

#[test]
fn a_host_s_name_that_looks_like_an_address_where_it_is_cut_off_is_not_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/hosts") {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let _listener = Sock::listening(at("127.0.0.2", 18080)?, 1)?;
        // 17 characters of a name are shown beside a port of five.
        let text = b"127.0.0.2 00192.168.100.200.example.org\n";
        let (stdout, _) = with_file(&["-lt", "--numeric-ports"], c"/etc/hosts", text)?;
        ensure!(stdout.contains(" 127.0.0.2:18080 "), "{stdout}");
        let (stdout, _) = with_file(&["-ltW", "--numeric-ports"], c"/etc/hosts", text)?;
        ensure!(stdout.contains(" 00192.168.100.200.example.org:18080 "), "{stdout}");
        Ok(())
    })
}

#[test]
fn a_file_that_memory_can_t_hold_is_one_line_and_exit_code_1() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    if skip::without_file(c"/etc/networks") {
        return Ok(());
    }
    // It has no blocks: reading it would take as much memory as it is long.
    let huge = Replacement::new(b"")?;
    fs::OpenOptions::new().write(true).open(&huge.0)?.set_len(1 << 30)?;
    let mut command = rnetstat(&["-r"])?;
    huge.apply(&mut command, c"/etc/networks")?;
    let half = Rlimit { current: Some(512 << 20), maximum: Some(512 << 20) };
    // SAFETY: setrlimit(2) is a system call, so that it may run between fork() and exec().
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::As, half)?)) };
    let output = child::output(&mut command)?;
    let stderr = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(1), "{:?}: {stderr}", output.status);
    ensure!(stderr.lines().count() == 1 && stderr.starts_with("rnetstat: out of memory: "), "{stderr}");
    Ok(())
}
