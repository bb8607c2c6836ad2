//! Windows' tables of sockets, with the states and the processes in them.

pub(crate) mod process;
pub(crate) mod state;
pub(crate) mod table;
