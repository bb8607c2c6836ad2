//! The model's words as json and csv have them; the names are the contract with scripts.

use crate::model::{
    CloseReason, Direction, Family, LossKind, LossPlace, OwnerHow, Protocol, RowKind, Source,
};

pub(super) fn event(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Transition => "transition",
        RowKind::Existing => "existing",
        RowKind::Repaired => "repaired",
    }
}

pub(super) fn family(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Mptcp => "mptcp",
    }
}

pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::Listen => "listen",
    }
}

pub(super) fn owner(how: OwnerHow) -> &'static str {
    match how {
        OwnerHow::Connect => "connect",
        OwnerHow::Listen => "listen",
        OwnerHow::Accept => "accept",
        OwnerHow::Listener => "listener",
        OwnerHow::Close => "close",
        OwnerHow::Scan => "scan",
    }
}

pub(super) fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::FinLocal => "fin_local",
        CloseReason::FinRemote => "fin_remote",
        CloseReason::FinBoth => "fin_both",
        CloseReason::ResetReceived => "reset_received",
        CloseReason::ResetSent => "reset_sent",
        CloseReason::Refused => "refused",
        CloseReason::Timeout => "timeout",
        CloseReason::Unreachable => "unreachable",
        CloseReason::Aborted => "aborted",
        CloseReason::Expired => "expired",
        CloseReason::Unknown => "unknown",
    }
}

pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Ebpf => "ebpf",
        Source::Proc => "proc",
        Source::Windows => "windows",
    }
}

pub(super) fn loss_place(place: LossPlace) -> &'static str {
    match place {
        LossPlace::Ring => "ring",
        LossPlace::Nested => "nested",
        LossPlace::Output => "output",
        LossPlace::Table => "table",
        LossPlace::Snapshot => "snapshot",
    }
}

pub(super) fn loss_kind(what: LossKind) -> &'static str {
    match what {
        LossKind::Transitions => "transitions",
        LossKind::Observations => "observations",
        LossKind::UnknownRecords => "unknown_records",
        LossKind::Snapshots => "snapshots",
    }
}
