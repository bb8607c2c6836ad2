//! An output that records the calls of its methods, for tests.

use std::{cell::RefCell, rc::Rc};

use super::{Delivered, Flow, Output, Tick, Wake};
use crate::model::{Ended, Loss, Row, RowKind, Started};

/// A call of a method of a [`MemoryOutput`].
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// [`Output::start`].
    Start,
    /// [`Output::row`].
    Row(Box<Row>),
    /// [`Output::lost`].
    Lost(Loss),
    /// [`Output::end`].
    End(Ended),
}

/// Records all calls. Its clones share the records.
#[derive(Clone, Debug, Default)]
pub struct MemoryOutput {
    /// All calls, in order.
    pub calls: Rc<RefCell<Vec<Call>>>,
    /// How many connections there were at the last tick.
    pub connections: Rc<RefCell<usize>>,
    /// How many rows were withheld, as each tick reported it.
    pub withheld: Rc<RefCell<Vec<Option<u64>>>>,
    /// Whether it needs the connections that existed before the trace.
    pub existing: bool,
    /// How many rows it needs; 0: no limit.
    pub count: usize,
}

impl MemoryOutput {
    /// The rows that it received.
    pub fn rows(&self) -> Vec<Row> {
        let calls = self.calls.borrow();
        calls.iter().filter_map(|call| if let Call::Row(row) = call { Some(**row) } else { None }).collect()
    }
}

impl Output for MemoryOutput {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn wants_existing(&self) -> bool {
        self.existing
    }

    fn has_room(&self) -> bool {
        true
    }

    fn start(&mut self, _: &Started, _: Wake) -> anyhow::Result<Flow> {
        self.calls.borrow_mut().push(Call::Start);
        Ok(Flow::Continue)
    }

    fn row(&mut self, row: &Row, _: Option<&[u8]>) -> anyhow::Result<Flow> {
        self.calls.borrow_mut().push(Call::Row(Box::new(*row)));
        let is_full = self.count > 0 && self.rows().len() == self.count;
        Ok(if is_full { Flow::Done } else { Flow::Continue })
    }

    fn lost(&mut self, loss: &Loss) -> anyhow::Result<Flow> {
        self.calls.borrow_mut().push(Call::Lost(*loss));
        Ok(Flow::Continue)
    }

    fn tick(&mut self, tick: &Tick<'_>) -> anyhow::Result<Flow> {
        *self.connections.borrow_mut() = tick.connections.len();
        self.withheld.borrow_mut().push(tick.withheld);
        Ok(Flow::Continue)
    }

    fn dropped(&self) -> u64 {
        0
    }

    fn end(&mut self, ended: &Ended) -> Delivered {
        self.calls.borrow_mut().push(Call::End(*ended));
        let transitions = self.rows().iter().filter(|row| row.kind == RowKind::Transition).count() as u64;
        Delivered { transitions, error: None }
    }
}
