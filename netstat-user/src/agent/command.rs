//! Commands to a running trace, from any front end: signals, keys, timers.

use tokio::sync::mpsc;

use crate::{filter::Filter, model::Moment};

/// A command to a running trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// End the trace.
    Quit,
    /// Withhold rows from the outputs, or resume. A source that can pause does so. The events of a live source still
    /// update the table, and their rows are counted.
    Pause(bool),
    /// Show the rows that match this filter, from now on.
    SetFilter(Box<Filter>),
    /// Continue at this time of a recording.
    Seek(Moment),
}

/// Sends commands. Every front end has its own clone.
#[derive(Clone, Debug)]
pub struct CommandSender(mpsc::UnboundedSender<Command>);

impl CommandSender {
    /// Sends a command, from any thread. Without effect once the trace has ended.
    pub fn send(&self, command: Command) {
        let _ended = self.0.send(command);
    }
}

/// What the agent receives.
#[derive(Debug)]
pub struct CommandReceiver(mpsc::UnboundedReceiver<Command>);

/// A channel for commands.
pub fn commands() -> (CommandSender, CommandReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (CommandSender(sender), CommandReceiver(receiver))
}

impl CommandReceiver {
    /// The next command; never returns once all senders are gone. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Command {
        match self.0.recv().await {
            Some(command) => command,
            None => std::future::pending().await,
        }
    }
}
