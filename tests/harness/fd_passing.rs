//! Passes sockets between processes, with system calls alone, so that a forked child can use it.

use std::{
    io::{IoSlice, IoSliceMut, Read as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::net::UnixStream,
    },
};

use anyhow::{Context as _, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::sock::Sock;

/// Sends a socket by SCM_RIGHTS.
pub fn send(to: &UnixStream, sock: &Sock) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [sock.fd()];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(to, &[IoSlice::new(b"s")], &mut control, SendFlags::empty()).context("sendmsg")?;
    Ok(())
}

/// Receives a socket.
pub fn receive(from: &UnixStream) -> Result<Sock> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)
        .context("recvmsg")?;
    let received = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok(Sock::from(received.context("no descriptor came")?))
}

/// Waits until the other end of the pair is closed.
pub fn wait_for_closed(mut pair: &UnixStream) -> bool {
    pair.read(&mut [0]).is_ok_and(|read| read == 0)
}

/// Keeps the socket open until the other end of the pair is closed, then closes it.
pub fn wait_for_end(pair: &UnixStream, held: Sock) -> bool {
    let ended = wait_for_closed(pair);
    held.close();
    ended
}

/// Closes a forked child's copy of a descriptor that its parent still uses.
pub fn close_copy(copy: &UnixStream) {
    // SAFETY: the child exits without using or dropping its copy of the stream.
    unsafe { libc::close(copy.as_fd().as_raw_fd()) };
}
