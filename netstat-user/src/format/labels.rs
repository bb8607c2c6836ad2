//! The model's values as the words of events.

use netstat_events as events;

use crate::model;

impl From<model::RowKind> for events::RowKind {
    fn from(kind: model::RowKind) -> Self {
        match kind {
            model::RowKind::Transition => Self::Transition,
            model::RowKind::Existing => Self::Existing,
            model::RowKind::Repaired => Self::Repaired,
        }
    }
}

impl From<model::Family> for events::Family {
    fn from(family: model::Family) -> Self {
        match family {
            model::Family::Ipv4 => Self::Ipv4,
            model::Family::Ipv6 => Self::Ipv6,
        }
    }
}

impl From<model::Protocol> for events::Protocol {
    fn from(protocol: model::Protocol) -> Self {
        match protocol {
            model::Protocol::Tcp => Self::Tcp,
            model::Protocol::Mptcp => Self::Mptcp,
        }
    }
}

impl From<model::Direction> for events::Direction {
    fn from(direction: model::Direction) -> Self {
        match direction {
            model::Direction::Outbound => Self::Outbound,
            model::Direction::Inbound => Self::Inbound,
            model::Direction::Listen => Self::Listen,
        }
    }
}

impl From<model::State> for events::State {
    fn from(state: model::State) -> Self {
        match state {
            model::State::Unknown => Self::Unknown,
            model::State::Established => Self::Established,
            model::State::SynSent => Self::SynSent,
            model::State::SynRecv => Self::SynRecv,
            model::State::FinWait1 => Self::FinWait1,
            model::State::FinWait2 => Self::FinWait2,
            model::State::TimeWait => Self::TimeWait,
            model::State::Close => Self::Close,
            model::State::CloseWait => Self::CloseWait,
            model::State::LastAck => Self::LastAck,
            model::State::Listen => Self::Listen,
            model::State::Closing => Self::Closing,
        }
    }
}

impl From<model::OwnerHow> for events::OwnerHow {
    fn from(how: model::OwnerHow) -> Self {
        match how {
            model::OwnerHow::Connect => Self::Connect,
            model::OwnerHow::Listen => Self::Listen,
            model::OwnerHow::Accept => Self::Accept,
            model::OwnerHow::Listener => Self::Listener,
            model::OwnerHow::Close => Self::Close,
            model::OwnerHow::Scan => Self::Scan,
        }
    }
}

impl From<model::CloseReason> for events::CloseReason {
    fn from(reason: model::CloseReason) -> Self {
        match reason {
            model::CloseReason::FinLocal => Self::FinLocal,
            model::CloseReason::FinRemote => Self::FinRemote,
            model::CloseReason::FinBoth => Self::FinBoth,
            model::CloseReason::ResetReceived => Self::ResetReceived,
            model::CloseReason::ResetSent => Self::ResetSent,
            model::CloseReason::Refused => Self::Refused,
            model::CloseReason::Timeout => Self::Timeout,
            model::CloseReason::Unreachable => Self::Unreachable,
            model::CloseReason::Aborted => Self::Aborted,
            model::CloseReason::Expired => Self::Expired,
            model::CloseReason::NoPort => Self::NoPort,
            model::CloseReason::Abandoned => Self::Abandoned,
            model::CloseReason::Unknown => Self::Unknown,
        }
    }
}

impl From<model::Source> for events::Source {
    fn from(source: model::Source) -> Self {
        match source {
            model::Source::Ebpf => Self::Ebpf,
            model::Source::Proc => Self::Proc,
            model::Source::Windows => Self::Windows,
        }
    }
}

impl From<model::LossPlace> for events::LossPlace {
    fn from(place: model::LossPlace) -> Self {
        match place {
            model::LossPlace::Ring => Self::Ring,
            model::LossPlace::Nested => Self::Nested,
            model::LossPlace::Output => Self::Output,
            model::LossPlace::Table => Self::Table,
            model::LossPlace::Snapshot => Self::Snapshot,
        }
    }
}

impl From<model::LossKind> for events::LossKind {
    fn from(kind: model::LossKind) -> Self {
        match kind {
            model::LossKind::Transitions => Self::Transitions,
            model::LossKind::Observations => Self::Observations,
            model::LossKind::UnknownRecords => Self::UnknownRecords,
            model::LossKind::Snapshots => Self::Snapshots,
        }
    }
}
