//! What the segments on the wire tell of a connection's end, and whether a row's close reason contradicts it.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::{
    event::CloseReason,
    segment::{Segment, flag},
};

/// By how much a row's time and a segment's time may differ for one moment, nanoseconds: the time stamps are of two clocks,
/// and a segment is captured microseconds before or after the kernel handles it. Segments of different causes are farther
/// apart in the scenarios, because the scenario waits for the first.
const TOLERANCE_NS: i64 = 300_000;

/// The segments of one connection, as its one end sent and received them.
pub struct WireEvidence {
    local: SocketAddr,
    segments: Vec<Segment>,
}

impl WireEvidence {
    /// Of the end at `local`, whose peer is at `remote`. `nth` counts the connections of these two endpoints, from 0.
    pub fn of(local: SocketAddr, remote: SocketAddr, nth: usize, captured: &[Segment]) -> Self {
        let is_between = |segment: &&Segment| {
            let ends = (segment.from, segment.to);
            ends == (local, remote) || ends == (remote, local)
        };
        let all: Vec<Segment> = captured.iter().filter(is_between).copied().collect();
        let mut connections: Vec<Vec<Segment>> = Vec::new();
        let mut last_syn: Vec<(SocketAddr, u32)> = Vec::new();
        for segment in &all {
            let is_new = segment.has(flag::SYN)
                && !segment.has(flag::ACK)
                && last_syn.iter().all(|(from, seq)| *from != segment.from || *seq != segment.seq)
                && (last_syn.is_empty() || last_syn.iter().any(|(from, _)| *from == segment.from));
            if connections.is_empty() || is_new {
                connections.push(Vec::new());
                last_syn.clear();
            }
            if segment.has(flag::SYN) && !segment.has(flag::ACK) {
                last_syn.push((segment.from, segment.seq));
            }
            if let Some(connection) = connections.last_mut() {
                connection.push(*segment);
            }
        }
        let segments = if nth < connections.len() { connections.swap_remove(nth) } else { Vec::new() };
        Self { local, segments }
    }

    /// As [`Self::of`], of all segments between the endpoints: a forged SYN begins no connection.
    pub fn of_only_connection(local: SocketAddr, remote: SocketAddr, captured: &[Segment]) -> Self {
        let is_between = |segment: &&Segment| {
            let ends = (segment.from, segment.to);
            ends == (local, remote) || ends == (remote, local)
        };
        Self { local, segments: captured.iter().filter(is_between).copied().collect() }
    }

    fn sent(&self, wanted: u8) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.from == self.local && segment.has(wanted))
    }

    fn received(&self, wanted: u8) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.to == self.local && segment.has(wanted))
    }

    /// Whether a row at `at_ns` (CLOCK_REALTIME), to `new_state`, that ends the connection for this reason agrees with the
    /// segments.
    pub fn check(&self, reason: CloseReason, new_state: &str, at_ns: i64) -> Result<()> {
        let before = |segment: &Segment| segment.at_ns <= at_ns + TOLERANCE_NS;
        let long_before = |segment: &Segment| segment.at_ns < at_ns - TOLERANCE_NS;
        let fin_sent = self.sent(flag::FIN).find(|segment| before(segment));
        let fin_received = self.received(flag::FIN).find(|segment| before(segment));
        let reset_received = self.received(flag::RST).any(before);
        let answered = self.received(flag::SYN).any(|segment| segment.has(flag::ACK) && long_before(segment));
        let wire = || format!("{:#?}", self.segments);
        match reason {
            CloseReason::ResetReceived => {
                ensure!(reset_received, "no RST was received: {}", wire());
            }
            CloseReason::ResetSent => {
                ensure!(self.sent(flag::RST).next().is_some(), "no RST was sent: {}", wire());
                let was_received = self.received(flag::RST).any(long_before);
                ensure!(!was_received, "an RST was received before: {}", wire());
            }
            CloseReason::FinLocal | CloseReason::FinRemote | CloseReason::FinBoth => {
                let was_reset = self.received(flag::RST).any(long_before)
                    || (new_state == "CLOSE" && self.resets_at(at_ns));
                ensure!(!was_reset, "an RST ended it: {}", wire());
                let ended_by = match (fin_sent, fin_received) {
                    (Some(sent), Some(received)) if are_crossing(sent, received) => CloseReason::FinBoth,
                    (Some(sent), Some(received)) if received.at_ns < sent.at_ns => CloseReason::FinRemote,
                    (Some(_), _) => CloseReason::FinLocal,
                    (None, _) => CloseReason::Unknown,
                };
                ensure!(reason == ended_by, "the FINs tell {ended_by:?}: {}", wire());
            }
            CloseReason::NoPort => {
                ensure!(self.sent(flag::SYN).next().is_none(), "a SYN was sent: {}", wire());
            }
            CloseReason::Abandoned => {
                ensure!(fin_sent.is_none(), "a FIN was sent: {}", wire());
                ensure!(!reset_received && !answered, "an answer was received: {}", wire());
            }
            CloseReason::Refused | CloseReason::Unreachable => {
                ensure!(fin_sent.is_none() && !answered, "the peer has answered: {}", wire());
            }
            CloseReason::Timeout | CloseReason::Aborted | CloseReason::Expired => {
                ensure!(!reset_received, "an RST was received: {}", wire());
            }
            CloseReason::Unknown => ensure!(false, "the reason is not known: {}", wire()),
        }
        Ok(())
    }

    /// Whether this end sent an RST at that time that answers no later segment: the connection ended with it.
    fn resets_at(&self, at_ns: i64) -> bool {
        let Some(reset) = self.sent(flag::RST).next() else { return false };
        let is_provoked = self
            .received(u8::MAX)
            .any(|segment| (at_ns + TOLERANCE_NS..=reset.at_ns).contains(&segment.at_ns));
        !is_provoked
    }
}

/// Whether neither FIN acknowledges the other.
fn are_crossing(sent: &Segment, received: &Segment) -> bool {
    let acknowledges =
        |a: &Segment, b: &Segment| a.ack.wrapping_sub(b.seq.wrapping_add(b.length)).cast_signed() > 0;
    !acknowledges(sent, received) && !acknowledges(received, sent)
}
