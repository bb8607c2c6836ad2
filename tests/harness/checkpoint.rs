//! Where the sockets of a case come to rest: there one who only looks can see them. A player says so, and goes on
//! once that is seen; with nobody who looks it goes on at once.

use std::{cell::RefCell, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result};

use crate::{netns::Namespace, ss, state::State, stream_table, tracer::Tracer, wait};

thread_local! {
    /// Who looks at what the thread plays.
    static WATCH: RefCell<Option<PollingTrace>> = const { RefCell::new(None) };
}

/// A trace that must show the sockets of these namespaces.
struct PollingTrace {
    tracer: Arc<Tracer>,
    namespaces: Vec<Namespace>,
    rests: usize,
}

/// A socket's state and ends.
type Shown = (State, SocketAddr, Option<SocketAddr>);

/// Plays on this thread beside a trace that looks at the namespace; says how often the player came to rest.
pub fn with_polling_trace(
    tracer: &Arc<Tracer>,
    netns: &Namespace,
    run: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let trace = PollingTrace { tracer: Arc::clone(tracer), namespaces: vec![netns.try_clone()?], rests: 0 };
    WATCH.set(Some(trace));
    let run = run();
    let rests = WATCH.take().map_or(0, |trace| trace.rests);
    run.map(|()| rests)
}

/// Sockets of this namespace belong to the case too.
pub fn also_check(namespace: &Namespace) -> Result<()> {
    WATCH.with_borrow_mut(|trace| {
        if let Some(trace) = trace {
            trace.namespaces.push(namespace.try_clone()?);
        }
        Ok(())
    })
}

/// Waits until the case has sockets in these states, perhaps among others, and the trace shows all that there are
/// as `ss` lists them.
pub fn checkpoint(states: &str) -> Result<()> {
    WATCH.with_borrow_mut(|trace| trace.as_mut().map_or(Ok(()), |trace| trace.checkpoint(states)))
}

impl PollingTrace {
    fn checkpoint(&mut self, states: &str) -> Result<()> {
        self.rests += 1;
        let (mut listed, mut shown) = (Vec::new(), Vec::new());
        wait::until("ss lists the states, and the trace what ss lists", || {
            listed = self.listed()?;
            if !has_all(&listed, states) {
                return Ok(None);
            }
            shown = self.shown()?;
            Ok((shown == listed).then_some(()))
        })
        .with_context(|| format!("at rest in {states:?}: ss lists {listed:#?}, the trace shows {shown:#?}"))
    }

    fn listed(&self) -> Result<Vec<Vec<Shown>>> {
        self.in_each(|namespace| {
            let sockets = namespace.run(ss::all)?;
            Ok(sockets.into_iter().map(|socket| (socket.state, socket.local, socket.remote)).collect())
        })
    }

    fn shown(&self) -> Result<Vec<Vec<Shown>>> {
        let changes = stream_table::changes(&self.tracer.lines_so_far()?)?;
        self.in_each(|namespace| {
            let open_connections = stream_table::open_connections(changes.iter(), namespace.inum()?);
            let shown = open_connections.into_values().map(|change| {
                let (local, remote) = change.tuple;
                Ok((crate::state::from_name(&change.state)?, local, remote))
            });
            shown.collect()
        })
    }

    /// Sorted.
    fn in_each(&self, take: impl Fn(&Namespace) -> Result<Vec<Shown>>) -> Result<Vec<Vec<Shown>>> {
        let snapshots = self.namespaces.iter().map(|namespace| {
            let mut sockets = take(namespace)?;
            sockets.sort();
            Ok(sockets)
        });
        snapshots.collect()
    }
}

/// Whether each state is there as often as it is named.
fn has_all(listed: &[Vec<Shown>], states: &str) -> bool {
    let listed = |state: &str| listed.iter().flatten().filter(|socket| socket.0 == state).count();
    let named = |state: &str| states.split_ascii_whitespace().filter(|named| *named == state).count();
    states.split_ascii_whitespace().all(|state| listed(state) >= named(state))
}
