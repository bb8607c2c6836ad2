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

/// Appends the name of a holder. In a list, commas that another holder could begin after are escaped.
fn holder(page: &mut Page, name: &[u8], in_list: bool) {
    let shown = visible(name);
    let is_ambiguous = in_list && shown.contains(',') && shown.contains('/');
    page.text(&if is_ambiguous { shown.replace(',', "\\u{2c}") } else { shown });
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
        holder(page, process.name().unwrap_or(b"-"), wide);
    }
    if page.len() == start {
        page.text("-");
    }
    if !wide {
        page.cut(start, PROGRAM_SHOWN);
    }
    page.pad(start, PROGRAM_WIDTH);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_list_makes_up_no_other_holder() {
        for (name, in_list, shown) in [
            (&b"x,1/systemd"[..], true, "x\\u{2c}1/systemd"),
            (b"x,1/a,2/b", true, "x\\u{2c}1/a\\u{2c}2/b"),
            (b"x\\u{2c}1/a", true, "x\\x5cu{2c}1/a"),
            (b"a,b", true, "a,b"),
            (b"x,1/systemd", false, "x,1/systemd"),
        ] {
            let mut page = Page::default();
            holder(&mut page, name, in_list);
            assert_eq!(String::from_utf8(page.into_bytes()).unwrap(), shown);
        }
    }
}
