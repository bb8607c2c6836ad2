//! An output that keeps what it was told, for tests.

use std::{cell::RefCell, rc::Rc};

use super::{Delivered, Flow, Output, Tick, Wake};
use crate::model::{Ended, Loss, Row, RowKind, Started};

/// What a [`MemoryOutput`] was told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// [`Output::start`].
    Start,
    /// [`Output::row`].
    Row(Box<Row>),
    /// [`Output::lost`].
    Lost(Loss),
    /// [`Output::end`].
    End(Ended),
}

/// Keeps everything that it is told. Its clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct MemoryOutput {
    /// What it was told.
    pub told: Rc<RefCell<Vec<Told>>>,
    /// How many connections there were at the last tick.
    pub connections: Rc<RefCell<usize>>,
    /// How many rows each tick said to be withheld.
    pub withheld: Rc<RefCell<Vec<Option<u64>>>>,
    /// Whether it wants the connections that existed before the trace.
    pub existing: bool,
    /// After how many rows it wants no more; 0: no limit.
    pub count: usize,
}

impl MemoryOutput {
    /// The rows that it was given.
    pub fn rows(&self) -> Vec<Row> {
        let told = self.told.borrow();
        told.iter().filter_map(|told| if let Told::Row(row) = told { Some(**row) } else { None }).collect()
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
        self.told.borrow_mut().push(Told::Start);
        Ok(Flow::Continue)
    }

    fn row(&mut self, row: &Row, _: Option<&str>) -> anyhow::Result<Flow> {
        self.told.borrow_mut().push(Told::Row(Box::new(*row)));
        let is_full = self.count > 0 && self.rows().len() == self.count;
        Ok(if is_full { Flow::Done } else { Flow::Continue })
    }

    fn lost(&mut self, loss: &Loss) -> anyhow::Result<Flow> {
        self.told.borrow_mut().push(Told::Lost(*loss));
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

    fn end(&mut self, ended: &Ended) -> anyhow::Result<Delivered> {
        self.told.borrow_mut().push(Told::End(*ended));
        let transitions = self.rows().iter().filter(|row| row.kind == RowKind::Transition).count() as u64;
        Ok(Delivered { transitions })
    }
}
