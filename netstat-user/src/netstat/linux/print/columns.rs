//! What the tables of Internet and of UNIX domain sockets have in common.

use super::page::Page;
use crate::{
    format::visible,
    netstat::linux::{options::Roles, owners::Owners},
};

/// The title of [`program`]'s column.
const PROGRAM_TITLE: &str = "PID/Program name";
const PROGRAM_WIDTH: usize = 20;
/// How much of the column netstat shows.
const PROGRAM_SHOWN: usize = 19;

/// netstat's words for the sockets that it shows.
pub fn roles(roles: Roles) -> &'static str {
    match roles {
        Roles::All => "(servers and established)",
        Roles::Servers => "(only servers)",
        Roles::Connections => "(w/o servers)",
    }
}

/// Appends the title of [`program`]'s column, and the blank before it.
pub fn program_title(page: &mut Page) {
    page.text(" ");
    page.left(PROGRAM_TITLE, PROGRAM_WIDTH);
}

/// Appends the first holder of a socket, or with `-W` all of them in full, and the blank before it.
pub fn program(page: &mut Page, inode: u64, owners: &Owners, wide: bool) {
    page.text(" ");
    let start = page.len();
    for (pid, process) in owners.of(inode).take(if wide { usize::MAX } else { 1 }) {
        if page.len() > start {
            page.text(",");
        }
        page.number(pid.into());
        page.text("/");
        page.text(&visible(process.name().unwrap_or(b"-")));
    }
    if page.len() == start {
        page.text("-");
    }
    if !wide {
        page.cut(start, PROGRAM_SHOWN);
    }
    page.pad(start, PROGRAM_WIDTH);
}
