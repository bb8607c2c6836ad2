//! A link between two namespaces that delays or drops packets: two TUN devices, and threads that copy the packets.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::IpAddr,
    os::fd::AsRawFd as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    netns::{Namespace, ip},
    wait,
};

/// How often a reading thread checks whether the link still exists.
const CHECK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// The link. It is removed when dropped.
pub struct Relay {
    forward: Arc<Direction>,
    backward: Arc<Direction>,
    /// The first namespace's device.
    near: File,
    /// The second namespace's device.
    far: File,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Direction {
    cut: AtomicBool,
    ended: AtomicBool,
    /// The last packet that was forwarded.
    last: Mutex<Vec<u8>>,
    /// The last packet that was sent, whether it was forwarded or dropped.
    last_sent: Mutex<Vec<u8>>,
}

impl Relay {
    /// Connects two namespaces by a device called `wire` in each, each with an address. Every packet is delayed by
    /// `delay`.
    pub fn between(a: (&Namespace, IpAddr), b: (&Namespace, IpAddr), delay: Duration) -> Result<Self> {
        let (a, b) = (device(a.0, "wire", a.1)?, device(b.0, "wire", b.1)?);
        let (forward, backward) = (Arc::default(), Arc::default());
        let mut relay =
            Self { forward, backward, near: a.try_clone()?, far: b.try_clone()?, threads: Vec::new() };
        relay.carry(&a, &b, delay, Arc::clone(&relay.forward))?;
        relay.carry(&b, &a, delay, Arc::clone(&relay.backward))?;
        Ok(relay)
    }

    /// Drops every packet from the first namespace to the second from now on, or forwards them again.
    pub fn cut_forward(&self, cut: bool) {
        self.forward.cut.store(cut, Ordering::SeqCst);
    }

    /// The same from the second namespace to the first.
    pub fn cut_backward(&self, cut: bool) {
        self.backward.cut.store(cut, Ordering::SeqCst);
    }

    /// Sends the last packet from the second namespace once more.
    pub fn repeat_backward(&self) -> Result<()> {
        let last = self.backward.last.lock().map_err(|_| anyhow!("a thread of the wire panicked"))?.clone();
        (&self.near).write_all(&last).context("repeating a packet")
    }

    /// The last packet that the first namespace has sent, also if it was dropped.
    pub fn last_sent_forward(&self) -> Result<Vec<u8>> {
        self.forward.last_sent()
    }

    /// The same of the second namespace.
    pub fn last_sent_backward(&self) -> Result<Vec<u8>> {
        self.backward.last_sent()
    }

    /// Lets a packet arrive in the second namespace.
    pub fn inject_forward(&self, packet: &[u8]) -> Result<()> {
        (&self.far).write_all(packet).context("injecting a packet")
    }

    /// Lets a packet arrive in the first namespace.
    pub fn inject_backward(&self, packet: &[u8]) -> Result<()> {
        (&self.near).write_all(packet).context("injecting a packet")
    }

    fn carry(&mut self, from: &File, to: &File, delay: Duration, direction: Arc<Direction>) -> Result<()> {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (sender, receiver) = channel();
        self.threads.push(thread::spawn(move || read(from, &direction, delay, &sender)));
        self.threads.push(thread::spawn(move || write(to, &receiver)));
        Ok(())
    }
}

impl Direction {
    /// Waits for the first packet.
    fn last_sent(&self) -> Result<Vec<u8>> {
        wait::until("a packet is sent", || {
            let last = self.last_sent.lock().map_err(|_| anyhow!("a thread of the wire panicked"))?;
            Ok((!last.is_empty()).then(|| last.clone()))
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.forward.ended.store(true, Ordering::SeqCst);
        self.backward.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed the reason, and the test has missed its packets.
            let _ = thread.join();
        }
    }
}

/// Passes each packet on with the time at which it is due, until the link is removed.
fn read(mut from: File, direction: &Direction, delay: Duration, to: &Sender<(Instant, Vec<u8>)>) {
    let mut packet = vec![0; 65536];
    while !direction.ended.load(Ordering::SeqCst) {
        let ready = poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&CHECK_INTERVAL));
        if !matches!(ready, Ok(1)) {
            continue;
        }
        // An error means that the device has disappeared with its namespace.
        let Ok(length) = from.read(&mut packet) else { return };
        if let Ok(mut last) = direction.last_sent.lock() {
            last.clear();
            last.extend_from_slice(&packet[..length]);
        }
        if direction.cut.load(Ordering::SeqCst) {
            continue;
        }
        let packet = packet[..length].to_vec();
        if let Ok(mut last) = direction.last.lock() {
            last.clone_from(&packet);
        }
        if to.send((Instant::now() + delay, packet)).is_err() {
            return;
        }
    }
}

fn write(mut to: File, from: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, packet)) = from.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // A packet that the device refuses is lost.
        let _ = to.write(&packet);
    }
}

/// Creates a TUN device with this name in the namespace, sets its address and brings it up.
pub fn device(namespace: &Namespace, name: &str, addr: IpAddr) -> Result<File> {
    let file = namespace.run(|| {
        let file =
            File::options().read(true).write(true).open("/dev/net/tun").context("opening /dev/net/tun")?;
        // SAFETY: all zeroes is a valid ifreq: an empty name and no flags.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_TUN | libc::IFF_NO_PI)?;
        // SAFETY: TUNSETIFF reads and writes one ifreq, which outlives the call.
        let outcome = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        ensure!(outcome == 0, "making a TUN device: {}", std::io::Error::last_os_error());
        Ok(file)
    })?;
    namespace.add_address(name, addr)?;
    namespace.run(|| ip(&format!("link set {name} up")))?;
    Ok(file)
}
