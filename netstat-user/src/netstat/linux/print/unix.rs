//! The table of UNIX domain sockets.

use super::{
    columns::{program, program_title, roles},
    page::Page,
};
use crate::netstat::linux::{options::SocketOptions, owners::Owners, socket::UnixSocket};

/// The mark, after its name, of a socket that another one's name may have made up.
const FORGED_MARK: &str = " (may be forged)";

/// Appends the title and a line for each socket.
pub fn unix<'a>(
    page: &mut Page,
    sockets: impl Iterator<Item = &'a UnixSocket>,
    options: &SocketOptions,
    owners: &Owners,
) {
    page.text("Active UNIX domain sockets ");
    page.text(roles(options.roles));
    page.text("\nProto RefCnt Flags       Type       State         I-Node  ");
    if options.programs {
        program_title(page);
    }
    if options.all_netns {
        page.text(" Netns     ");
    }
    page.text(" Path\n");
    for socket in sockets {
        line(page, socket, options, owners);
    }
}

fn line(page: &mut Page, socket: &UnixSocket, options: &SocketOptions, owners: &Owners) {
    page.text("unix  ");
    match socket.references {
        Some(references) => page.left_number(references, 6),
        None => page.left("-", 6),
    }
    page.text(" ");
    page.left(socket.flag_letters(), 11);
    page.text(" ");
    page.left(socket.kind_name(), 10);
    page.text(" ");
    page.left(socket.state_name(), 13);
    page.text(" ");
    page.left_number(socket.inode, 8);
    if options.programs {
        program(page, socket.inode, owners, options.wide);
    }
    if options.all_netns {
        page.text(" ");
        page.left_number(socket.netns.into(), 10);
    }
    page.text(" ");
    page.text(&socket.name.to_string());
    if socket.may_be_forged {
        page.text(FORGED_MARK);
    }
    page.text("\n");
}
