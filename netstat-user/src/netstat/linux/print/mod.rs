//! The tables of sockets in net-tools' columns, for people and for programs that parse netstat's output.

mod address;
mod columns;
mod inet;
mod page;
mod unix;

pub use inet::{InetColumns, inet};
pub use page::Page;
pub use unix::unix;
