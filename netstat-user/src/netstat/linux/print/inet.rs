//! The table of Internet sockets.

use super::{
    address::address,
    columns::{program, program_title, roles},
    page::Page,
};
use crate::{
    format::state_style,
    netstat::linux::{
        names::Names,
        options::SocketOptions,
        owners::Owners,
        socket::{InetSocket, Transport},
    },
};

const USER_WIDTH: usize = 10;
const INODE_WIDTH: usize = 10;
const STATE_WIDTH: usize = 11;

/// The columns of the table, and what fills them.
pub struct InetColumns<'a> {
    /// Selects the columns.
    pub options: &'a SocketOptions,
    /// The sockets' holders.
    pub owners: &'a Owners,
    /// Whether states have colours.
    pub color: bool,
    /// The unit of the timers (sysconf(_SC_CLK_TCK)).
    pub ticks_per_second: u64,
}

/// Appends the title and a line for each socket.
pub fn inet<'a>(
    page: &mut Page,
    sockets: impl Iterator<Item = &'a InetSocket>,
    columns: &InetColumns<'_>,
    names: &mut Names,
) {
    title(page, columns.options);
    for socket in sockets {
        line(page, socket, columns, names);
    }
}

fn title(page: &mut Page, options: &SocketOptions) {
    page.text("Active Internet connections ");
    page.text(roles(options.roles));
    page.text("\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ");
    if options.extended {
        page.text(" User       Inode     ");
    }
    if options.programs {
        program_title(page);
    }
    if options.timers {
        page.text(" Timer");
    }
    if options.all_netns {
        page.text(" Netns");
    }
    page.text("\n");
}

fn line(page: &mut Page, socket: &InetSocket, columns: &InetColumns<'_>, names: &mut Names) {
    let InetColumns { options, owners, color, ticks_per_second } = columns;
    page.left(socket.proto.name(), 5);
    page.text(" ");
    page.right(socket.recv_q.into(), 6);
    page.text(" ");
    page.right(socket.send_q.into(), 6);
    for addr in [socket.local, socket.remote] {
        page.text(" ");
        address(page, addr, socket.proto.transport, names, options.wide);
    }
    page.text(" ");
    state(page, socket, *color);
    if options.extended {
        page.text(" ");
        match names.user(socket.uid) {
            Some(name) => page.left(name, USER_WIDTH),
            None => page.left_number(socket.uid.into(), USER_WIDTH),
        }
        page.text(" ");
        page.left_number(socket.inode, INODE_WIDTH);
    }
    if options.programs {
        program(page, socket.inode, owners, options.wide);
    }
    if options.timers {
        page.text(" ");
        timer(page, socket, *ticks_per_second);
    }
    if options.all_netns {
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

/// Appends a timer: name, seconds until it expires, retransmissions, probes.
fn timer(page: &mut Page, socket: &InetSocket, ticks_per_second: u64) {
    let timer = socket.timer;
    let is_tcp = socket.proto.transport == Transport::Tcp;
    // Only TCP has timers. For the other protocols netstat divides by 100, whatever the clock's unit.
    let unit = if is_tcp { ticks_per_second.max(1) } else { 100 };
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
    // Rounded to hundredths, as by netstat's %2.2f.
    let hundredths = (ticks * 100 + unit / 2) / unit;
    let (seconds, hundredths) = (hundredths / 100, hundredths % 100);
    page.text(&format!(" ({seconds}.{hundredths:02}/{}/{})", timer.retransmits, timer.probes));
}
