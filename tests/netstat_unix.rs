//! rnetstat and UNIX domain sockets whose names are any bytes.

#![cfg(target_os = "linux")]

use std::os::{fd::OwnedFd, unix::net::UnixStream};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    netns::Namespace,
    netstat::{matches_netstat, objects, rnetstat, text},
    skip,
};
use rustix::{
    net::{AddressFamily, SocketAddrUnix, SocketType},
    thread::{UnshareFlags, unshare_unsafe},
};
use serde_json::Value;

/// A stream socket that listens at an abstract name or a path.
fn listening(name: &[u8]) -> Result<OwnedFd> {
    let address = match name {
        [0, name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
        path => SocketAddrUnix::new(path)?,
    };
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, 8)?;
    Ok(socket)
}

fn inode(socket: &OwnedFd) -> Result<u64> {
    Ok(rustix::fs::fstat(socket)?.st_ino)
}

/// Whether the kernel has unix_diag: without it, rnetstat says so.
fn has_unix_diag() -> Result<bool> {
    // In a namespace of its own: a child that another test forks may hold a copy of the socket for a moment.
    Namespace::new()?.run(|| {
        let _one = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        Ok(rnetstat(&["-anx"])?.output()?.stderr.is_empty())
    })
}

fn row(sockets: &[Value], inode: u64) -> Result<&Value> {
    sockets.iter().find(|socket| socket["inode"] == inode).with_context(|| format!("no {inode}"))
}

#[test]
fn a_name_with_line_breaks_makes_no_row_and_changes_none() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        if skip::without("unix_diag", has_unix_diag()?) {
            return Ok(());
        }
        let victim = listening(b"\0victim")?;
        let number = inode(&victim)?;
        let forged = [
            format!("\0z\n0: 2 0 10000 1 1 {number} /run/docker.sock"),
            format!("\0y\n0000000000000000: 00000009 00000000 00010000 0001 01 {number} @victim"),
            format!("\0x\nunix  9      [ ACC ]     STREAM     LISTENING     {number}     /etc/passwd"),
            "\0w\r\x1b[2Kunix\n\n".to_owned(),
        ];
        let mut kept = Vec::new();
        for name in &forged {
            kept.push(listening(name.as_bytes())?);
            // A connection that is not accepted has its listener's name, and no inode number.
            let client = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
            rustix::net::connect(&client, &SocketAddrUnix::new_abstract_name(&name.as_bytes()[1..])?)?;
            kept.push(client);
        }
        let sockets = objects(&["-anx"])?;
        // The victim, the listeners, the clients, and what waits to be accepted.
        ensure!(sockets.len() == 1 + 3 * forged.len(), "{sockets:#?}");
        ensure!(sockets.iter().filter(|socket| socket["inode"] == number).count() == 1, "{sockets:#?}");
        let shown = row(&sockets, number)?;
        ensure!(shown["path"] == "@victim" && shown["abstract"] == true, "{shown}");
        ensure!(shown["references"] == 2 && shown["source"] == "unix_diag", "{shown}");
        for name in &forged {
            let path = format!("@{}", &name[1..]);
            let count = sockets.iter().filter(|socket| socket["path"] == path.as_str()).count();
            ensure!(count == 2, "{count} of {path:?} and its connection: {sockets:#?}");
        }
        let page = text(&mut rnetstat(&["-anx"])?)?;
        ensure!(page.lines().count() == 2 + sockets.len(), "{page}");
        ensure!(!page.contains('\x1b') && !page.contains('\r'), "{page:?}");
        ensure!(page.lines().filter(|line| line.contains(&format!(" {number} "))).count() >= 1, "{page}");
        let summary = text(&mut rnetstat(&["-ax", "--summary"])?)?;
        ensure!(summary.contains(&format!("{:>7} unix LISTENING", 1 + forged.len())), "{summary}");
        Ok(())
    })
}

#[test]
fn abstract_names_and_paths_can_be_told_apart() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let directory = std::env::temp_dir().join(format!("rnetstat-unix-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let _cleaned = Cleaned(directory.clone());
    Namespace::new()?.run(|| {
        if skip::without("unix_diag", has_unix_diag()?) {
            return Ok(());
        }
        // SAFETY: this thread gets a working directory of its own, and no memory and no descriptor is unshared.
        unsafe { unshare_unsafe(UnshareFlags::FS) }?;
        rustix::process::chdir(&directory)?;
        let path = directory.join("plain");
        let names: [(&[u8], &str, bool); 7] = [
            (b"@a", "\\u{40}a", false),
            (b"\0a", "@a", true),
            (b"\0a\0b", "@a\\x00b", true),
            (b"\0a@b", "@a@b", true),
            (b"\0a\xff", "@a\\xff", true),
            (b"\0a\\xff", "@a\\x5cxff", true),
            (path.as_os_str().as_encoded_bytes(), path.to_str().context("no UTF-8")?, false),
        ];
        let kept: Vec<_> = names.iter().map(|(name, ..)| listening(name)).collect::<Result<_>>()?;
        let sockets = objects(&["-anx"])?;
        let page = text(&mut rnetstat(&["-anx"])?)?;
        for (socket, (_, shown, is_abstract)) in kept.iter().zip(&names) {
            let row = row(&sockets, inode(socket)?)?;
            ensure!(row["abstract"] == *is_abstract, "{row}");
            ensure!(page.lines().any(|line| line.ends_with(&format!(" {shown}"))), "no {shown}: {page}");
        }
        let mut paths: Vec<_> =
            sockets.iter().map(|socket| format!("{} {}", socket["path"], socket["abstract"])).collect();
        paths.sort();
        paths.dedup();
        ensure!(paths.len() == names.len(), "two names have one text: {paths:?}");
        Ok(())
    })
}

#[test]
fn json_has_the_other_end_the_user_and_the_queues() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        if skip::without("unix_diag", has_unix_diag()?) {
            return Ok(());
        }
        let listener = listening(b"\0queue")?;
        let waiting = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::net::connect(&waiting, &SocketAddrUnix::new_abstract_name(b"queue")?)?;
        let (one, other) = UnixStream::pair()?;
        rustix::net::send(&one, b"unread", rustix::net::SendFlags::empty())?;
        let sockets = objects(&["-anx"])?;
        let found = row(&sockets, inode(&listener)?)?;
        ensure!(found["queue"] == 1 && found["queue_max"] == 8 && found["state"] == "LISTENING", "{found}");
        let embryo = sockets.iter().find(|socket| socket["inode"].is_null()).context("nothing waits")?;
        ensure!(embryo["state"] == "CONNECTING" && embryo["peer_inode"] == inode(&waiting)?, "{embryo}");
        let (one, other) = (OwnedFd::from(one), OwnedFd::from(other));
        let receiver = row(&sockets, inode(&other)?)?;
        ensure!(receiver["peer_inode"] == inode(&one)? && receiver["recv_q"] == 6, "{receiver}");
        Ok(())
    })?;
    Namespace::new()?.run(|| {
        let _sockets = (listening(b"\0a")?, UnixStream::pair()?, listening(b"\0bc")?);
        matches_netstat(&["-anx"])?;
        matches_netstat(&["-lnx"])
    })
}

/// A directory that is deleted at the end.
struct Cleaned(std::path::PathBuf);

impl Drop for Cleaned {
    fn drop(&mut self) {
        // What can't be deleted stays in the directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
