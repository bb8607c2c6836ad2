//! Windows' socket tables, their TCP states, and the names of processes.

pub(crate) mod process;
pub(crate) mod state;
pub(crate) mod table;
