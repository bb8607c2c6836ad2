//! The table of the host's own sockets.

use super::{PROGRAM_TITLE, PROGRAM_WIDTH, Page, program, which};
use crate::{
    format::visible,
    netstat::linux::{owners::Owners, request::SocketsRequest, socket::UnixSocket},
};

/// Appends the table, its title first.
pub fn unix<'a>(
    page: &mut Page,
    sockets: impl Iterator<Item = &'a UnixSocket>,
    request: &SocketsRequest,
    owners: &Owners,
) {
    page.text("Active UNIX domain sockets ");
    page.text(which(request.which));
    page.text("\nProto RefCnt Flags       Type       State         I-Node  ");
    if request.programs {
        page.text(" ");
        page.left(PROGRAM_TITLE, PROGRAM_WIDTH);
    }
    if request.all_netns {
        page.text(" Netns     ");
    }
    page.text(" Path\n");
    for socket in sockets {
        line(page, socket, request, owners);
    }
}

fn line(page: &mut Page, socket: &UnixSocket, request: &SocketsRequest, owners: &Owners) {
    page.text("unix  ");
    page.left_number(socket.references, 6);
    page.text(" ");
    page.left(&socket.flag_letters(), 11);
    page.text(" ");
    page.left(socket.kind_name(), 10);
    page.text(" ");
    page.left(socket.state_name(), 13);
    page.text(" ");
    page.left_number(socket.inode, 8);
    if request.programs {
        program(page, socket.inode, owners, request.wide);
    }
    if request.all_netns {
        page.text(" ");
        page.left_number(socket.netns.into(), 10);
    }
    page.text(" ");
    page.text(&visible(&socket.path));
    page.text("\n");
}
