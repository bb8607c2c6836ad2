//! Points at which a scenario's sockets keep their states, so that a polling trace can show them. A scenario waits at
//! each point until the trace has shown its sockets. Without a polling trace it continues at once.

use std::{cell::RefCell, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result};

use crate::{
    capture,
    netns::Namespace,
    ss,
    state::State,
    stream_table::{self, Change},
    tracer::Tracer,
    wait,
};

thread_local! {
    /// The trace that polls while this thread runs a scenario.
    static POLLING: RefCell<Option<PollingTrace>> = const { RefCell::new(None) };
}

/// A trace that must show the sockets of these namespaces.
struct PollingTrace {
    tracer: Arc<Tracer>,
    namespaces: Vec<Namespace>,
    reached: usize,
}

/// A socket's state and endpoints.
type Shown = (State, SocketAddr, Option<SocketAddr>);

/// Runs a scenario on this thread while the trace polls the namespace. Returns the number of checkpoints reached.
pub fn with_polling_trace(
    tracer: &Arc<Tracer>,
    netns: &Namespace,
    run: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let trace = PollingTrace { tracer: Arc::clone(tracer), namespaces: vec![netns.try_clone()?], reached: 0 };
    POLLING.set(Some(trace));
    let outcome = run();
    let reached = POLLING.take().map_or(0, |trace| trace.reached);
    outcome.map(|()| reached)
}

/// Adds a namespace whose sockets belong to the scenario too, and captures its packets where those of the scenario are
/// captured.
pub fn also_check(namespace: &Namespace) -> Result<()> {
    capture::also(namespace)?;
    POLLING.with_borrow_mut(|trace| {
        if let Some(trace) = trace {
            trace.namespaces.push(namespace.try_clone()?);
        }
        Ok(())
    })
}

/// Waits until `ss` lists sockets in at least these states, and until the trace shows exactly the sockets that `ss`
/// lists.
pub fn checkpoint(states: &str) -> Result<()> {
    POLLING.with_borrow_mut(|trace| trace.as_mut().map_or(Ok(()), |trace| trace.checkpoint(states)))
}

impl PollingTrace {
    fn checkpoint(&mut self, states: &str) -> Result<()> {
        self.reached += 1;
        let (mut listed, mut shown) = (Vec::new(), Vec::new());
        wait::until("the trace shows the sockets that ss lists in these states", || {
            listed = self.listed()?;
            if !has_all(&listed, states) {
                return Ok(None);
            }
            shown = self.shown()?;
            Ok((shown == listed).then_some(()))
        })
        .with_context(|| {
            format!("at the checkpoint {states:?}: ss lists {listed:#?}, the trace shows {shown:#?}")
        })
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
            let shown = |change: &Change| (change.state, change.tuple.0, change.tuple.1);
            Ok(open_connections.into_values().map(shown).collect())
        })
    }

    /// One sorted list for each namespace.
    fn in_each(&self, list: impl Fn(&Namespace) -> Result<Vec<Shown>>) -> Result<Vec<Vec<Shown>>> {
        let lists = self.namespaces.iter().map(|namespace| {
            let mut sockets = list(namespace)?;
            sockets.sort();
            Ok(sockets)
        });
        lists.collect()
    }
}

/// Whether each state occurs at least as often as `states` names it.
fn has_all(listed: &[Vec<Shown>], states: &str) -> bool {
    let listed = |state: &str| listed.iter().flatten().filter(|socket| socket.0 == state).count();
    let named = |state: &str| states.split_ascii_whitespace().filter(|named| *named == state).count();
    states.split_ascii_whitespace().all(|state| listed(state) >= named(state))
}
