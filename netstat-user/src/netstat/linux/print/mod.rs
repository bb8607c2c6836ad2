//! Text for people and for whatever parses netstat: net-tools' columns.

mod address;
mod inet;
mod page;
mod unix;

pub use inet::{InetColumns, inet};
pub use page::Page;
pub use unix::unix;

use super::{owners::Owners, request::Which};

/// As many bytes of `PID/Program name` as netstat shows.
const PROGRAM_SHOWN: usize = 19;
const PROGRAM_WIDTH: usize = 20;
const PROGRAM_TITLE: &str = "PID/Program name";

/// netstat's words for which sockets it shows.
fn which(which: Which) -> &'static str {
    match which {
        Which::All => "(servers and established)",
        Which::Listening => "(only servers)",
        Which::Connected => "(w/o servers)",
    }
}

/// The owner's column, with the blank before it: the first holder, as netstat has it, or with `-W` all of
/// them, whole.
fn program(page: &mut Page, inode: u64, owners: &Owners, wide: bool) {
    page.text(" ");
    let start = page.len();
    for (pid, process) in owners.of(inode).take(if wide { usize::MAX } else { 1 }) {
        if page.len() > start {
            page.text(",");
        }
        page.number(pid.into());
        page.text("/");
        page.text(&process.program);
    }
    if page.len() == start {
        page.text("-");
    }
    if !wide {
        page.truncate(start + PROGRAM_SHOWN);
    }
    page.pad(start, PROGRAM_WIDTH);
}
