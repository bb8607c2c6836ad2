//! The domain's words: states, connections, owners, events. No IO, no clock, no serde, no aya.

mod connection;
mod event;
mod interface;
mod owner;
mod poll;
mod row;
mod snapshot;
mod state;
mod time;
mod transitions;

pub use connection::{ConnId, Direction, Endpoint, Family, Protocol, SockId};
pub use event::{
    Ended, Event, HalfOpenReset, KernelTcpStats, Loss, LossKind, LossPlace, LossesUncounted, MinisockCreated,
    MinisockRemoved, Missing, RemovalCause, ResetSent, SourceCapabilities, Started, Text, Transition,
};
pub use interface::{Interface, InterfaceName};
pub use owner::{Comm, Owner, OwnerHow, ProcessRenamed};
pub use poll::{Poll, PolledSocket, SocketHandle};
pub use row::{CloseReason, Row, RowKind, Source, TcpStats};
pub use snapshot::{Holder, SETTLE_NS, Snapshot, SnapshotError, SnapshotKind, SnapshotSocket, UnreadNetns};
pub use state::{State, UnknownState};
pub use time::Moment;
pub use transitions::{LEGAL_TRANSITIONS, can_lead_to, may_follow};
