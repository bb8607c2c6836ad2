//! What rnetstat's JSON and filters say of sockets beyond netstat's columns: interfaces, bound sockets, users, queues.

#![cfg(target_os = "linux")]

use std::{
    net::{SocketAddr, SocketAddrV6, UdpSocket},
    os::fd::AsRawFd as _,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child,
    netns::{Namespace, ip, ip_bytes, veth_pair},
    netstat::{matches_netstat, objects, rnetstat, text},
    proc_tcp,
    sample_sockets::at,
    skip,
    sock::Sock,
    wait,
};
use rustix::fs::{Gid, Uid, fchown};
use serde_json::Value;

/// TCP_LINGER2 (include/uapi/linux/tcp.h).
const TCP_LINGER2: i32 = 8;

/// The index of an interface of the calling thread's namespace.
fn index(name: &str) -> Result<u32> {
    let output = child::output(Command::new("ip").args(["-j", "link", "show", name]))?;
    let links: Vec<Value> = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok(links[0]["ifindex"].as_u64().context("no index")?.try_into()?)
}

fn on_link(addr: &str, port: u16, name: &str) -> Result<SocketAddr> {
    Ok(SocketAddrV6::new(addr.parse()?, port, 0, index(name)?).into())
}

/// Two links, d0 and d1, that both have fe80::1 and, at the other end, fe80::2.
fn links() -> Result<()> {
    for (name, other) in [("d0", "e0"), ("d1", "e1")] {
        veth_pair(name.as_bytes(), other.as_bytes())?;
        ip(&format!("addr add fe80::1/64 dev {name} nodad"))?;
        ip(&format!("addr add fe80::2/64 dev {other} nodad"))?;
    }
    Ok(())
}

#[test]
fn the_same_link_local_address_on_two_links_can_be_told_apart_and_filtered() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        links()?;
        let mut kept = Vec::new();
        for name in ["d0", "d1"] {
            let listener = wait::until("the address can be used", || {
                Ok(Sock::listening(on_link("fe80::1", 8080, name)?, 4).ok())
            })?;
            // The same ends on both links.
            let client = Sock::tcp(at("::", 0)?)?;
            client.bind(on_link("fe80::1", 9090, name)?)?;
            client.connect(on_link("fe80::1", 8080, name)?)?;
            kept.extend([listener.accept()?, client, listener]);
        }
        let udp = UdpSocket::bind(on_link("fe80::1", 7070, "d1")?)?;
        if skip::without("sock_diag", !objects(&["-ant"])?.iter().all(|socket| socket["queue_max"].is_null()))
        {
            return Ok(());
        }
        let sockets = objects(&["-ant"])?;
        let on = |name: &str| sockets.iter().filter(|socket| socket["interface"] == name).count();
        ensure!(on("d0") == 3 && on("d1") == 3 && sockets.len() == 6, "{sockets:?}");
        for (filter, count) in [
            (&["--local", "fe80::1%d0"][..], 3),
            (&["--remote", "fe80::1%d1"], 2),
            (&["--addr", "fe80::%d1/64", "--state", "listen"], 1),
            (&["--addr", "fe80::1"], 6),
            (&["--addr", "fe80::1%e0"], 0),
            (&["--addr", "fe80::1%d0,fe80::1%d1", "--port", "9090"], 4),
        ] {
            for columns in ["-ant", "-anto", "-ante"] {
                let shown = text(&mut rnetstat(&[&[columns], filter].concat())?)?;
                ensure!(shown.lines().count() - 2 == count, "not {count} with {columns} {filter:?}: {shown}");
            }
            ensure!(objects(&[&["-ant"], filter].concat())?.len() == count, "not {count} with {filter:?}");
        }
        let datagram = objects(&["-anu", "--port", "7070"])?;
        ensure!(datagram.len() == 1 && datagram[0]["interface"] == "d1", "{datagram:?} {udp:?}");
        matches_netstat(&["-ant"])?;
        // A timewait socket, on the side that is closed first, keeps its interface.
        drop(kept);
        proc_tcp::wait_for(2, 8080, "TIME_WAIT")?;
        let waiting = objects(&["-ant", "--state", "time-wait", "--addr", "fe80::1%d0"])?;
        ensure!(waiting.len() == 1 && waiting[0]["interface"] == "d0", "{waiting:?}");
        Ok(())
    })
}

#[test]
fn a_socket_bound_to_a_device_has_its_name_whatever_bytes_that_has() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let name = b"ab\xffcd";
        veth_pair(name, b"other")?;
        ip_bytes(&[b"addr", b"add", b"10.7.0.1/24", b"dev", name])?;
        let socket = Sock::tcp(at("10.7.0.1", 0)?)?;
        // SAFETY: the kernel copies the name, which is valid for the call.
        let outcome = unsafe {
            libc::setsockopt(
                socket.fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_BINDTODEVICE,
                name.as_ptr().cast(),
                name.len() as libc::socklen_t,
            )
        };
        ensure!(outcome == 0, "SO_BINDTODEVICE: {}", std::io::Error::last_os_error());
        socket.bind(at("10.7.0.1", 8181)?)?;
        socket.listen(4)?;
        let found = objects(&["-lnt"])?;
        if skip::without("sock_diag", !found.iter().all(|socket| socket["queue_max"].is_null())) {
            return Ok(());
        }
        ensure!(found.len() == 1 && found[0]["interface"] == "ab\u{efff}cd", "{found:?}");
        Ok(())
    })
}

#[test]
fn a_socket_that_is_only_bound_is_found_by_its_port_or_explained() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let bound = Sock::tcp(at("127.0.0.1", 0)?)?;
        bound.bind(at("127.0.0.1", 8282)?)?;
        let bound6 = Sock::tcp(at("::", 0)?)?;
        bound6.bind(at("::1", 8282)?)?;
        for flags in ["-an", "-ant", "-ante", "-anto"] {
            let output = rnetstat(&[flags, "--port", "8282"])?.output()?;
            let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
            let rows =
                stdout.lines().filter(|line| line.contains(":8282 ") && line.contains(" CLOSE")).count();
            let is_explained = stderr.contains("6.8") && stderr.lines().count() == 1;
            ensure!(rows == 2 || (rows == 0 && is_explained), "{flags}: {stdout}{stderr}");
        }
        // netstat doesn't have them.
        matches_netstat(&["-ant"])?;
        for flags in ["-lnt", "-nt"] {
            let shown = text(&mut rnetstat(&[flags, "--port", "8282"])?)?;
            ensure!(!shown.contains("8282"), "neither a listener nor connected: {shown}");
        }
        let owners = objects(&["-antp", "--state", "close"])?;
        for socket in &owners {
            let owners = socket["owners"].as_array().context("no owners")?;
            ensure!(owners.iter().any(|owner| owner["pid"] == std::process::id()), "{socket}");
        }
        Ok(())
    })
}

#[test]
fn a_timewait_socket_has_no_user_and_an_orphan_keeps_its_own() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let listener = Sock::listening(at("127.0.0.1", 8080)?, 8)?;
        // TIME_WAIT, on the side that closes first.
        let (client, server) = (Sock::connected(at("127.0.0.1", 8080)?)?, listener.accept()?);
        client.close();
        server.receive_fin()?;
        server.close();
        // FIN_WAIT2 as a timewait socket, and as a full socket that lingers longer than a timewait socket lives.
        let mut peers = Vec::new();
        for (linger_seconds, port) in [(1, 7001), (100, 7002)] {
            let client = Sock::tcp(at("127.0.0.1", 0)?)?;
            client.bind(at("127.0.0.1", port)?)?;
            client.connect(at("127.0.0.1", 8080)?)?;
            fchown(client.fd(), Some(Uid::from_raw(1234)), None::<Gid>)?;
            if linger_seconds > 60 {
                client.option(libc::IPPROTO_TCP, TCP_LINGER2, linger_seconds)?;
            }
            let peer = listener.accept()?;
            client.close();
            peer.receive_fin()?;
            peers.push(peer);
        }
        proc_tcp::wait_for(1, 7001, "FIN_WAIT2")?;
        proc_tcp::wait_for(1, 7002, "FIN_WAIT2")?;
        for flags in [&["-ant"][..], &["-ante"]] {
            let waiting = objects(&[flags, &["--state", "time-wait"]].concat())?;
            ensure!(waiting.len() == 1 && waiting[0]["uid"].is_null(), "{waiting:?}");
            let minisocket = objects(&[flags, &["--local-port", "7001"]].concat())?;
            ensure!(
                minisocket[0]["state"] == "FIN_WAIT2" && minisocket[0]["uid"].is_null(),
                "{minisocket:?}"
            );
            let orphan = objects(&[flags, &["--local-port", "7002"]].concat())?;
            // Before 6.17 the kernel forgets the user.
            let uid = &orphan[0]["uid"];
            ensure!(uid == 1234 || uid.is_null(), "{orphan:?}");
        }
        for flags in ["-ant", "-ante", "-anto"] {
            let shown = text(&mut rnetstat(&[flags, "--user", "root"])?)?;
            ensure!(shown.contains("LISTEN") && shown.contains("CLOSE_WAIT"), "{flags}: {shown}");
            ensure!(!shown.contains("TIME_WAIT") && !shown.contains("FIN_WAIT2"), "{flags}: {shown}");
        }
        matches_netstat(&["-ante"])
    })
}

#[test]
fn json_has_a_listener_s_queue_its_limit_and_its_drops() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let listener = Sock::listening(at("127.0.0.1", 8080)?, 2)?;
        let _clients = [Sock::connected(at("127.0.0.1", 8080)?)?, Sock::connected(at("127.0.0.1", 8080)?)?];
        proc_tcp::wait_for(2, 8080, "ESTABLISHED")?;
        let found = objects(&["-lnt"])?;
        ensure!(found.len() == 1 && found[0]["queue"] == 2 && found[0]["recv_q"] == 2, "{found:?}");
        if skip::without("sock_diag", !found[0]["queue_max"].is_null()) {
            return Ok(());
        }
        ensure!(found[0]["queue_max"] == 2 && found[0]["drops"] == 0, "{found:?}");
        drop(listener);
        Ok(())
    })
}
