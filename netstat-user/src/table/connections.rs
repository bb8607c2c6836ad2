//! The table, as its readers see it.

use super::{Connection, Table};
use crate::model::{ConnId, Moment, Row};

/// All connections of a table at one moment, to be read.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'a>(pub(super) &'a Table);

impl<'a> Connections<'a> {
    /// All connections, in no order.
    pub fn iter(self) -> impl Iterator<Item = &'a Connection> {
        self.0.connections.values()
    }

    /// The connection of that name, if it is still open. Searches all connections: for a person's choice, not for
    /// every event.
    pub fn get(self, conn: ConnId) -> Option<&'a Connection> {
        self.iter().find(|connection| connection.id() == conn)
    }

    /// How many connections there are.
    pub fn len(self) -> usize {
        self.0.connections.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An `existing` row for each connection, oldest connection first.
    pub fn existing_rows(self, at: Moment) -> Vec<Row> {
        let source = self.0.capabilities.source;
        let mut rows: Vec<Row> = self.iter().map(|connection| connection.existing_row(at, source)).collect();
        for row in &mut rows {
            row.owner = row.owner.map(|owner| self.0.process_names.renamed(owner));
        }
        rows.sort_by_key(|row| row.conn);
        rows
    }
}
