//! A full table.

use super::{
    half_open::{REQUEST, created, removed, transition},
    *,
};

fn with_limit(limit: usize) -> Table {
    Table::new(TableOptions { limit, ..options() })
}

fn port(port: u16) -> Endpoint {
    Endpoint { port, ..CLIENT }
}

/// The events of an inbound connection from `remote` until its timewait socket or its end. Its full socket is `key`,
/// its request socket the next key, its timewait socket the one after.
fn inbound(at: u64, key: u64, remote: Endpoint, time_wait: bool) -> Vec<Event> {
    let sock = sock(key, key);
    let change = |at, old, new| Event::Transition(change(at, sock, old, new, SERVER, remote));
    let last = if time_wait { State::FinWait2 } else { State::LastAck };
    let mut events = vec![
        created(at, key + 1, State::SynRecv, SERVER, remote),
        change(at + 1, State::Listen, State::SynRecv),
        removed(at + 1, key + 1, State::SynRecv, false),
        change(at + 2, State::SynRecv, State::Established),
        change(at + 3, State::Established, last),
    ];
    if time_wait {
        events.push(created(at + 4, key + 2, State::TimeWait, SERVER, remote));
    }
    events.push(Event::Transition(Transition {
        has_socket: Some(false),
        ..super::change(at + 5, sock, last, State::Close, SERVER, remote)
    }));
    events
}

#[test]
fn a_connection_that_finds_no_place_has_no_row_and_its_transitions_are_counted() {
    let mut table = with_limit(1);
    let seen = rows(&mut table, &[change(1, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER)]);
    assert_eq!(seen.len(), 1);
    let rejected = rows_of(&mut table, &inbound(10, 20, port(5_000), false));
    assert_eq!((rejected, table.take_unreported()), (vec![], 4));
    let kept = rows(&mut table, &[change(30, sock(1, 7), State::SynSent, State::Close, CLIENT, SERVER)]);
    assert_eq!(kept[0].conn, seen[0].conn);
    assert_eq!(rows_of(&mut table, &inbound(40, 20, port(5_001), false)).len(), 4, "there is a place again");
    assert_eq!(table.take_unreported(), 0);
}

/// The transitions that count as lost of what a full table is told.
fn lost_of(events: &[Event]) -> u64 {
    let mut table = with_limit(1);
    rows(&mut table, &[change(1, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER)]);
    assert_eq!(rows_of(&mut table, events), []);
    table.take_unreported()
}

#[test]
fn each_transition_of_a_child_without_a_place_is_counted_once_whatever_has_begun_it() {
    let remote = port(5_000);
    let of_request = inbound(10, 20, remote, false);
    assert_eq!(lost_of(&of_request), 4);
    // SYN cookies and Fast Open: no request socket.
    let of_cookie: Vec<Event> = of_request.iter().filter(|event| !is_of_minisock(event)).cloned().collect();
    assert_eq!(lost_of(&of_cookie), 4);
    let tuple = Event::Tuple { sock: sock(20, 20), local: SERVER, remote, is_observation: false };
    assert_eq!(lost_of(&[&of_cookie[..1], &[tuple], &of_cookie[1..]].concat()), 4);
    // Up to 6.12 the child has its listener's endpoints first.
    for of_child in [&of_request, &of_cookie] {
        let mut events = of_child.clone();
        for event in &mut events {
            if let Event::Transition(change) = event
                && change.old == State::Listen
            {
                (change.local.addr, change.remote) = (NOT_KNOWN.addr, NOT_KNOWN);
            }
        }
        assert_eq!(lost_of(&events), 4);
    }
    // The SYN-ACK is sent again, twice.
    let again = [&of_request[..1], &of_request[..1], &of_request].concat();
    assert_eq!(lost_of(&again), 4);
    // Another connection has the same endpoints later.
    assert_eq!(lost_of(&[of_request, inbound(100, 30, remote, false), of_cookie].concat()), 12);
}

fn is_of_minisock(event: &Event) -> bool {
    matches!(event, Event::MinisockCreated(_) | Event::MinisockRemoved(_))
}

#[test]
fn rejected_half_open_connections_are_not_remembered_for_ever() {
    let mut table = with_limit(1);
    rows(&mut table, &[change(1, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER)]);
    for number in 0..40_000_u32 {
        let remote = Endpoint { addr: std::net::Ipv4Addr::from(number).into(), port: 1 };
        rows_of(&mut table, &[created(number.into(), 1_000, State::SynRecv, SERVER, remote)]);
        assert!(table.capacity.len() <= 16_384);
    }
    assert_eq!(table.take_unreported(), 40_000);
}

#[test]
fn a_time_wait_gives_up_its_place_and_its_end_is_counted() {
    let mut table = with_limit(2);
    let mut seen = Vec::new();
    for number in 0..100 {
        seen.extend(rows_of(&mut table, &inbound(number * 100, number * 10 + 10, port(5_000), true)));
        assert!(table.connections().len() <= 2);
    }
    let began = |row: &&Row| row.old_state == Some(State::Listen);
    assert_eq!((seen.iter().filter(began).count(), seen.len()), (100, 400));
    for rows in seen.chunk_by(|one, next| one.conn == next.conn) {
        let states: Vec<_> = rows.iter().map(|row| row.new_state).collect();
        assert_eq!(
            states,
            [State::SynRecv, State::Established, State::FinWait2, State::TimeWait],
            "one name for all rows of a connection"
        );
    }
    assert_eq!(table.take_unreported(), 98);
}

#[test]
fn a_child_with_its_listener_s_endpoints_takes_the_place_of_its_half_open_connection() {
    let mut table = with_limit(1);
    let listener = Endpoint { addr: NOT_KNOWN.addr, port: SERVER.port };
    let seen = rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            Event::Transition(change(200, sock(3, 70), State::Listen, State::SynRecv, listener, NOT_KNOWN)),
            removed(205, REQUEST, State::SynRecv, false),
            transition(210, sock(3, 71), State::SynRecv, State::Established),
        ],
    );
    assert_eq!(
        steps(&seen),
        [(Some(State::Listen), State::SynRecv), (Some(State::SynRecv), State::Established)]
    );
    assert_eq!((seen[0].conn, table.take_unreported()), (seen[1].conn, 0));
}

#[test]
fn connections_that_no_filter_can_show_take_no_place() {
    let retention = Retention::Only(Box::new(|_, netns, _, _| netns == Some(1)));
    let mut table = Table::new(TableOptions { limit: 1, retention, ..options() });
    let elsewhere: Vec<Transition> = (1..50)
        .map(|key| Transition {
            netns: Some(2),
            ..change(key, sock(key, key), State::Close, State::SynSent, CLIENT, SERVER)
        })
        .collect();
    rows(&mut table, &elsewhere);
    assert!(table.connections().is_empty());
    let seen = rows(&mut table, &[change(60, sock(99, 99), State::Close, State::SynSent, CLIENT, SERVER)]);
    assert_eq!((seen.len(), table.connections().len(), table.take_unreported()), (1, 1, 0));
    rows(&mut table, &elsewhere);
    assert_eq!((table.connections().len(), table.take_unreported()), (1, 0));
}

#[test]
fn the_list_of_time_waits_is_as_short_as_the_table() {
    let mut table = with_limit(1_000_000);
    for number in 0..3_000 {
        let at = number * 10_000_000;
        rows_of(&mut table, &inbound(at, 10, port(5_000), true));
        rows_of(&mut table, &[removed(at + 50, 12, State::TimeWait, true)]);
        waited(&mut table, at + 9_000_000);
        let sizes = table.sizes();
        let mut of_connections = sizes.iter().filter(|(what, _)| *what != "sockets that changed last");
        assert!(of_connections.all(|(_, size)| *size <= 1_030), "{sizes:?}");
    }
}
