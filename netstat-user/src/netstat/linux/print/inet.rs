//! The table of Internet sockets.

use super::{PROGRAM_TITLE, PROGRAM_WIDTH, Page, address, program, which};
use crate::{
    format::state_style,
    netstat::linux::{
        names::Names,
        owners::Owners,
        request::SocketsRequest,
        socket::{InetSocket, Transport},
    },
};

const USER_WIDTH: usize = 10;
const INODE_WIDTH: usize = 10;
const STATE_WIDTH: usize = 11;

/// What the table is made with.
pub struct InetColumns<'a> {
    /// Which columns.
    pub request: &'a SocketsRequest,
    /// Who holds the sockets.
    pub owners: &'a Owners,
    /// Whether states have colours.
    pub color: bool,
    /// Clock ticks a second.
    pub ticks: u64,
}

/// Appends the table, its title first.
pub fn inet<'a>(
    page: &mut Page,
    sockets: impl Iterator<Item = &'a InetSocket>,
    columns: &InetColumns<'_>,
    names: &mut Names,
) {
    title(page, columns.request);
    for socket in sockets {
        line(page, socket, columns, names);
    }
}

fn title(page: &mut Page, request: &SocketsRequest) {
    page.text("Active Internet connections ");
    page.text(which(request.which));
    page.text("\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ");
    if request.extended {
        page.text(" User       Inode     ");
    }
    if request.programs {
        page.text(" ");
        page.left(PROGRAM_TITLE, PROGRAM_WIDTH);
    }
    if request.timers {
        page.text(" Timer");
    }
    if request.all_netns {
        page.text(" Netns");
    }
    page.text("\n");
}

fn line(page: &mut Page, socket: &InetSocket, columns: &InetColumns<'_>, names: &mut Names) {
    let InetColumns { request, owners, color, ticks } = columns;
    page.left(socket.proto.name(), 5);
    page.text(" ");
    page.right(socket.recv_q, 6);
    page.text(" ");
    page.right(socket.send_q, 6);
    for end in [socket.local, socket.remote] {
        page.text(" ");
        address::end(page, end, socket.proto.transport, names, request.wide);
    }
    page.text(" ");
    state(page, socket, *color);
    if request.extended {
        page.text(" ");
        match names.user(socket.uid) {
            Some(name) => page.left(name, USER_WIDTH),
            None => page.left_number(socket.uid.into(), USER_WIDTH),
        }
        page.text(" ");
        page.left_number(socket.inode, INODE_WIDTH);
    }
    if request.programs {
        program(page, socket.inode, owners, request.wide);
    }
    if request.timers {
        page.text(" ");
        timer(page, socket, *ticks);
    }
    if request.all_netns {
        page.text(" ");
        page.number(socket.netns.into());
    }
    page.text("\n");
}

fn state(page: &mut Page, socket: &InetSocket, color: bool) {
    if socket.proto.transport == Transport::Raw {
        page.left_number(socket.state.into(), STATE_WIDTH);
        return;
    }
    let name = socket.state_name();
    if color && !name.is_empty() {
        let style = state_style(socket.state());
        page.text(&style.render().to_string());
        page.text(name);
        page.text(&style.render_reset().to_string());
        page.left("", STATE_WIDTH.saturating_sub(name.len()));
    } else {
        page.left(name, STATE_WIDTH);
    }
}

/// Its name, then how long it runs, the segments sent again and the probes.
fn timer(page: &mut Page, socket: &InetSocket, ticks_a_second: u64) {
    let timer = socket.timer;
    let is_tcp = socket.proto.transport == Transport::Tcp;
    // Other protocols have no timers, and their unit is not the clock's (netstat's reading of the file).
    let unit = if is_tcp { ticks_a_second.max(1) } else { 100 };
    match (is_tcp, timer.kind) {
        (_, 0) => page.text("off"),
        (true, 1) => page.text("on"),
        (true, 2) => page.text("keepalive"),
        (true, 3) => page.text("timewait"),
        (true, 4) => page.text("probe"),
        (false, kind @ 1..=2) => page.text(&format!("on{kind}")),
        (_, kind) => page.text(&format!("unkn-{kind}")),
    }
    let ticks = if timer.kind == 0 { 0 } else { timer.ticks };
    // Rounded to hundredths, as %2.2f does.
    let hundredths = (ticks * 100 + unit / 2) / unit;
    let (seconds, hundredths) = (hundredths / 100, hundredths % 100);
    page.text(&format!(" ({seconds}.{hundredths:02}/{}/{})", timer.retransmits, timer.probes));
}
