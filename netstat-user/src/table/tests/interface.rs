//! Sockets that are bound to an interface: one tuple on two links is two connections.

use std::num::NonZero;

use super::{
    half_open::{created, removed, transition},
    *,
};
use crate::model::{CloseReason, HalfOpenReset, Interface, InterfaceName, ResetSent};

/// The event, of a socket that is bound to an interface.
fn on(index: u32, event: Event) -> Event {
    let name = InterfaceName::new(format!("d{index}").as_bytes());
    let interface = NonZero::new(index).map(|index| Interface { index, name });
    match event {
        Event::Transition(change) => Event::Transition(Transition { interface, ..change }),
        Event::MinisockCreated(created) => {
            Event::MinisockCreated(crate::model::MinisockCreated { interface, ..created })
        }
        other => other,
    }
}

fn name(row: &Row) -> Option<String> {
    row.interface.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned())
}

#[test]
fn one_tuple_on_two_links_is_two_connections_from_the_syn_to_the_end_of_time_wait() {
    let mut table = table();
    let mut rows = Vec::new();
    // All events of both connections, alternating.
    for (step, at) in (0..8).zip((1..).map(|at| at * 10_000_000)) {
        for link in [1, 2] {
            let (request, full, timewait) =
                (10 + u64::from(link), 20 + u64::from(link), 30 + u64::from(link));
            let id = sock(full, 100 + u64::from(link));
            let event = match step {
                0 => created(at, request, State::SynRecv, SERVER, CLIENT),
                1 => transition(at, id, State::Listen, State::SynRecv),
                2 => removed(at, request, State::SynRecv, false),
                3 => transition(at, id, State::SynRecv, State::Established),
                4 => transition(at, id, State::Established, State::FinWait1),
                5 => created(at, timewait, State::TimeWait, SERVER, CLIENT),
                6 => transition(at, id, State::FinWait1, State::Close),
                _ => removed(at, timewait, State::TimeWait, true),
            };
            table.apply(&on(link, event), &mut |row| rows.push(*row));
        }
        table.tick(moment(at + 9_000_000), &mut |row| rows.push(*row));
    }
    let states = |link: &str| -> Vec<State> {
        rows.iter().filter(|row| name(row).as_deref() == Some(link)).map(|row| row.new_state).collect()
    };
    let expected = [State::SynRecv, State::Established, State::FinWait1, State::TimeWait, State::Close];
    assert_eq!(states("d1"), expected);
    assert_eq!(states("d2"), expected);
    assert_eq!(rows.len(), 10, "{rows:#?}");
}

#[test]
fn a_name_that_an_event_lacks_is_the_known_one_of_the_same_interface() {
    let mut table = table();
    let id = sock(3, 71);
    let connect = on(1, Event::Transition(change(1, id, State::Close, State::SynSent, CLIENT, SERVER)));
    let mut established = change(2, id, State::SynSent, State::Established, CLIENT, SERVER);
    established.interface = NonZero::new(1).map(|index| Interface { index, name: None });
    let mut bound_to_another = change(3, id, State::Established, State::CloseWait, CLIENT, SERVER);
    bound_to_another.interface = NonZero::new(2).map(|index| Interface { index, name: None });
    let not_bound = change(4, id, State::CloseWait, State::LastAck, CLIENT, SERVER);
    let events = [
        connect,
        Event::Transition(established),
        Event::Transition(bound_to_another),
        Event::Transition(not_bound),
    ];
    let names: Vec<_> = rows_of(&mut table, &events).iter().map(name).collect();
    assert_eq!(names, [Some("d1".to_owned()), Some("d1".to_owned()), None, None]);
}

/// Which of the half-open connections, each on an interface (0: not bound), the RST ends.
fn reset_ends(half_open: &[u32], bound_to: u32, arrived_on: u32) -> Vec<u32> {
    let mut table = table();
    let mut rows = Vec::new();
    for link in half_open {
        let request = created(100, 10 + u64::from(*link), State::SynRecv, SERVER, CLIENT);
        table.apply(&on(*link, request), &mut |_| {});
    }
    let (bound_to, arrived_on) = (NonZero::new(bound_to), NonZero::new(arrived_on));
    let of = HalfOpenReset { local: SERVER, remote: CLIENT, netns: 1, bound_to, arrived_on };
    let (at, state, cause) = (moment(200), State::Listen, None);
    table.apply(&Event::ResetSent(ResetSent { at, sk: 2, state, half_open: Some(of), cause }), &mut |_| {});
    for link in half_open {
        table.apply(&removed(300, 10 + u64::from(*link), State::SynRecv, false), &mut |_| {});
    }
    table.tick(moment(1_000_000_000), &mut |row| rows.push(*row));
    let reset = rows.iter().filter(|row| row.close_reason == Some(CloseReason::ResetSent));
    reset.map(|row| name(row).map_or(0, |name| name[1..].parse().unwrap())).collect()
}

#[test]
fn an_rst_ends_the_half_open_connection_on_the_interface_of_its_listener() {
    assert_eq!(reset_ends(&[3, 4], 3, 3), [3]);
    assert_eq!(reset_ends(&[3, 4], 4, 4), [4]);
    assert_eq!(reset_ends(&[0, 4], 4, 4), [4]);
    // The segment went through a VRF, or from this host to itself.
    assert_eq!(reset_ends(&[3, 4], 3, 1), [3]);
    assert!(reset_ends(&[3], 4, 4).is_empty());
}

#[test]
fn an_rst_of_an_unbound_listener_ends_the_connection_on_the_interface_of_the_segment() {
    assert_eq!(reset_ends(&[0, 4], 0, 4), [4]);
    assert_eq!(reset_ends(&[0, 4], 0, 3), [0]);
    assert_eq!(reset_ends(&[3, 4], 0, 3), [3]);
    assert_eq!(reset_ends(&[0], 0, 3), [0]);
    assert_eq!(reset_ends(&[4], 0, 1), [4]);
    assert!(reset_ends(&[3, 4], 0, 1).is_empty());
}
