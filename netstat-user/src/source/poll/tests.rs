//! Polls that the end of the trace cuts short.

use std::{net::Ipv4Addr, num::NonZero};

use anyhow::bail;

use super::*;
use crate::model::{Endpoint, PolledSocket, Source, State};

/// A table with one socket, whose owner takes longer to find than the trace lasts.
struct Slow {
    reads_table: bool,
}

impl Poller for Slow {
    fn poll(&mut self, stop: &Stop) -> anyhow::Result<Poll> {
        if !self.reads_table {
            outlast(stop)?;
        }
        let local = Endpoint { addr: Ipv4Addr::LOCALHOST.into(), port: 80 };
        let (handle, state) = (NonZero::new(1), State::Listen);
        let socket = PolledSocket { state, local, remote: None, handle, owner: None, uid: None, netns: None };
        Ok(Poll { sockets: vec![socket], ..Poll::default() })
    }

    fn find_owners(&mut self, _: &mut Owners, stop: &Stop) -> anyhow::Result<()> {
        outlast(stop)?;
        bail!("it never ends")
    }
}

fn outlast(stop: &Stop) -> anyhow::Result<()> {
    loop {
        stop.check()?;
        std::thread::yield_now();
    }
}

fn source(reads_table: bool) -> PollSource<Slow> {
    let (hooks, missing) = (Vec::new(), Vec::new());
    let started = Started { at: clock::now(), source: Source::Proc, kernel: String::new(), hooks, missing };
    let interval = Duration::from_secs(1);
    PollSource::start(Slow { reads_table }, interval, Some(Duration::from_millis(1)), 10, started)
}

fn events(source: PollSource<Slow>) -> Vec<Event> {
    let mut events = Vec::new();
    source.finish(|event| events.push(event));
    events
}

#[test]
fn at_the_end_of_the_trace_the_sockets_are_shown_without_the_owners_that_are_not_found_in_time() {
    let events = events(source(true));
    let Some(Event::Poll(poll)) = events.first() else { panic!("{events:?}") };
    assert!(poll.is_cut && poll.sockets.len() == 1 && poll.sockets[0].owner.is_none(), "{poll:?}");
    let why = poll.owners_error.as_deref().unwrap_or_default();
    assert!(why.contains("the trace ends before"), "{why}");
}

#[test]
fn a_table_that_can_not_be_read_before_the_end_of_the_trace_is_a_failed_poll() {
    let events = events(source(false));
    let [Event::PollFailed(error)] = events.as_slice() else { panic!("{events:?}") };
    assert!(!error.may_recover && error.why.contains("longer than 0.6 s"), "{error:?}");
}
