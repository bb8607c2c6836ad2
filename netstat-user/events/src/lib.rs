//! The events of rnetstat-trace's output: the one definition of their fields, in the order in which they are written.
//!
//! Everything that knows an event's fields derives it from these types: the JSON and CSV formats with the CSV header,
//! readers of recordings, and the tests. A field that is unknown is `None`, which JSON writes as `null`. Readers accept
//! events without a field that was added later (it is `None`), and events with fields that they don't know.
//!
//! A name of arbitrary bytes, such as a process's, is written as [`text`] defines.
//!
//! An event that is read owns its text: `serde_json::from_str::<Row<'static>>(line)`.

mod names;
mod row;
pub mod text;
mod trace;
mod words;

pub use row::Row;
pub use trace::{End, Hook, Lost, Missing, Start};
pub use words::{
    CloseReason, Direction, Family, LossKind, LossPlace, OwnerHow, Protocol, RowKind, Source, State,
};
