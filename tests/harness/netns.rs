//! Network namespaces for tests. Only an open file refers to each, so it disappears with its last user.

use std::{
    ffi::OsStr,
    fs::File,
    net::{IpAddr, Ipv6Addr, UdpSocket},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::{child, wait};

/// A new network namespace with its loopback up.
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// Creates the namespace. The calling thread stays in its own.
    pub fn new() -> Result<Self> {
        let file = on_new_thread(|| {
            // SAFETY: CLONE_NEWNET changes only this thread's namespace; no memory and no descriptor is unshared.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.context("unshare(CLONE_NEWNET)")?;
            ip("link set lo up")?;
            File::open("/proc/thread-self/ns/net").context("opening the new namespace")
        })?;
        Ok(Self { file })
    }

    /// Runs `work` on a new thread in the namespace. Sockets made there stay in the namespace wherever they are used.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_new_thread(|| {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))
                .context("entering the namespace")?;
            work()
        })
    }

    /// Another handle of the same namespace.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self { file: self.file.try_clone()? })
    }

    /// Its inode number, as `netns` in the output.
    pub fn inum(&self) -> Result<u32> {
        Ok(u32::try_from(self.file.metadata()?.ino())?)
    }

    /// Gives a device an IPv4 /24 or an IPv6 /112 address.
    pub fn add_address(&self, device: &str, addr: IpAddr) -> Result<()> {
        self.run(|| match addr {
            IpAddr::V4(v4) => ip(&format!("addr add {v4}/24 dev {device}")),
            IpAddr::V6(v6) => {
                ip(&format!("addr add {v6}/112 dev {device} nodad"))?;
                if device == "lo" { wait_for_route(v6) } else { Ok(()) }
            }
        })
    }

    /// Writes a value to a file below /proc/sys/net, for instance `ipv4/tcp_syncookies`.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/{name}");
        self.run(|| std::fs::write(&path, value).with_context(|| format!("writing {value:?} to {path}")))
    }

    /// Joins two namespaces by a pair of devices, both called `veth0`, and gives each its address.
    pub fn join(&self, addr: IpAddr, other: &Self, other_addr: IpAddr) -> Result<()> {
        let there = format!("/proc/{}/fd/{}", std::process::id(), other.file.as_raw_fd());
        self.run(|| ip(&format!("link add veth0 type veth peer name veth0 netns {there}")))?;
        for (side, addr) in [(self, addr), (other, other_addr)] {
            side.add_address("veth0", addr)?;
            side.run(|| ip("link set veth0 up"))?;
        }
        Ok(())
    }
}

/// Runs iproute2's `ip` in the calling thread's namespace.
pub fn ip(arguments: &str) -> Result<()> {
    let output =
        child::output(Command::new("ip").args(arguments.split(' '))).context("running ip (iproute2)")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {arguments}: {}", stderr.trim());
    Ok(())
}

/// Runs `ip` in the calling thread's namespace with arguments that may be any bytes.
pub fn ip_bytes(arguments: &[&[u8]]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
    let output = child::output(&mut command).context("running ip (iproute2)")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", stderr.trim());
    Ok(())
}

/// Creates a pair of joined devices with these names, and switches them on.
pub fn veth_pair(name: &[u8], other: &[u8]) -> Result<()> {
    ip_bytes(&[b"link", b"add", name, b"type", b"veth", b"peer", b"name", other])?;
    ip_bytes(&[b"link", b"set", name, b"up"])?;
    ip_bytes(&[b"link", b"set", other, b"up"])
}

/// The kernel adds the route of an IPv6 address a moment later (`addrconf_dad_work`, net/ipv6/addrconf.c, up to
/// 6.18).
fn wait_for_route(own: Ipv6Addr) -> Result<()> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).context("binding a UDP socket")?;
    wait::until(&format!("there is a route to {own}"), || Ok(socket.connect((own, 9)).is_ok().then_some(())))
}

/// A thread keeps its network namespace, so each change of namespace gets a new thread, which ends afterwards.
fn on_new_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        scope.spawn(work).join().map_err(|_| anyhow!("the thread in the namespace panicked"))?
    })
}
