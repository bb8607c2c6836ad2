//! Connecting sockets whose port no event has shown.

use super::*;

const MS: u64 = 1_000_000;

fn connecting(at: u64, sk: u64) -> Event {
    Event::Transition(change(at, sock(sk, 7), State::Close, State::SynSent, NOT_CHOSEN, SERVER))
}

fn requests(table: &mut Table, now: u64) -> Vec<u64> {
    table.take_tuple_requests(moment(now))
}

#[test]
fn the_source_is_asked_for_a_port_that_no_event_shows_before_later_rows_stop_waiting() {
    let mut table = table();
    assert!(rows_of(&mut table, &[connecting(0, 1), connecting(MS, 2)]).is_empty());
    assert!(requests(&mut table, MS).is_empty());
    assert_eq!(table.next_tick_ns(), Some(2 * MS));
    assert_eq!(requests(&mut table, 2 * MS), [1]);
    let tuple = Event::Tuple { sock: sock(1, 7), local: CLIENT, remote: SERVER, is_observation: true };
    let row = rows_of(&mut table, &[tuple])[0];
    assert_eq!((row.local, row.at.mono_ns, row.new_state), (CLIENT, 0, State::SynSent));
    assert_eq!(requests(&mut table, 3 * MS), [2]);
}

#[test]
fn a_socket_without_a_port_is_asked_for_ever_more_rarely_until_its_row_goes_out_without() {
    let mut table = table();
    assert!(rows_of(&mut table, &[connecting(0, 1)]).is_empty());
    let mut asked = Vec::new();
    for now in 0..1_500 {
        asked.extend(requests(&mut table, now * MS).iter().map(|_| now));
        let rows = waited(&mut table, now * MS);
        assert_eq!(rows.len(), usize::from(now == 1_001), "at {now} ms");
    }
    assert_eq!(asked, [2, 4, 8, 16, 32, 64, 128, 256, 512]);
    assert_eq!(table.next_tick_ns(), None);
}

#[test]
fn a_socket_is_asked_for_no_more_once_its_state_changes() {
    let mut table = table();
    let failed = Event::Transition(change(MS, sock(1, 7), State::SynSent, State::Close, NOT_CHOSEN, SERVER));
    rows_of(&mut table, &[connecting(0, 1), failed]);
    assert!(requests(&mut table, 10 * MS).is_empty());
    // The answer to an older request, for another connection at the same address.
    let stale = Event::Tuple { sock: sock(1, 6), local: CLIENT, remote: SERVER, is_observation: true };
    assert!(rows_of(&mut table, &[connecting(20 * MS, 1), stale]).is_empty());
}
