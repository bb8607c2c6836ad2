//! The one loop: events from a source, through the table and the filter, to a sink.

mod display;

use std::{pin::pin, time::Duration};

use tokio::time::sleep;

use self::display::Display;
use crate::{
    config::Config,
    model::{Event, Moment},
    source::EventSource,
    table::Table,
};

/// How soon the loop looks again when rows wait for their ends.
const HELD_ROWS_INTERVAL: Duration = Duration::from_millis(25);

/// Streams until the source, stdout's reader, the limits of `config` or `stop` end it.
///
/// # Errors
/// stdout could not be written, for another reason than that its reader went away.
pub async fn run<S: EventSource>(
    config: &Config,
    mut source: S,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let started = source.started();
    let mut table = Table::new(started.source, source.tells_ends());
    let mut display = Display::start(config, &started)?;

    let mut stop = pin!(stop);
    let mut time_is_up = pin!(sleep(config.duration.unwrap_or_default()));
    while display.wants_more() {
        tokio::select! {
            () = source.ready() => source.drain(|event| apply(&event, &mut table, &mut display)),
            () = sleep(HELD_ROWS_INTERVAL), if table.holds_rows() => {}
            () = &mut time_is_up, if config.duration.is_some() => break,
            () = display.closed() => break,
            () = &mut stop => break,
        }
        tick(source.now(), &mut table, &mut display);
    }
    let end = source.now();
    source.finish(|event| apply(&event, &mut table, &mut display));
    table.release_all(|row| display.show(row));
    display.end(end).await
}

fn apply(event: &Event, table: &mut Table, display: &mut Display) {
    let mut never_shown = false;
    let mut show = |row: &_| {
        never_shown = display.never_shows(row);
        display.show(row);
    };
    let sk = match event {
        Event::Transition(change) => {
            table.transition(change, &mut show);
            change.sock.sk
        }
        Event::Ends { sock, local, remote } => {
            table.ends(*sock, *local, *remote, &mut show);
            sock.sk
        }
        Event::Lost(loss) => return display.lost(loss),
    };
    if never_shown {
        table.forget(sk);
    }
}

/// After each batch: rows that waited too long, losses, and what was collected goes out.
fn tick(now: Moment, table: &mut Table, display: &mut Display) {
    if table.holds_rows() {
        table.release_held(now, |row| display.show(row));
    }
    display.flush(now);
}
