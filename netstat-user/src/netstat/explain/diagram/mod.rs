//! RFC 9293's diagram (section 3.3.2): the positions of the states, and the paths of the arrows.

mod canvas;

use canvas::{Canvas, Weight};

use crate::model::State::{self, *};

/// Width and height of a box, with its border.
const BOX: (usize, usize) = (20, 3);

/// The boxes: state, and column and row of the upper left corner. CLOSE has two boxes: the beginning and the end.
const BOXES: &[(State, (usize, usize))] = &[
    (Close, (28, 0)),
    (Listen, (2, 5)),
    (SynSent, (54, 5)),
    (SynRecv, (2, 11)),
    (Established, (28, 16)),
    (FinWait1, (2, 21)),
    (CloseWait, (54, 21)),
    (FinWait2, (2, 27)),
    (Closing, (28, 27)),
    (LastAck, (54, 27)),
    (TimeWait, (28, 33)),
    (Close, (54, 33)),
];

/// An arrow from a state to another: the points where it begins, turns and ends, and the call or the received segment that
/// causes the transition, with its position.
struct Arrow {
    from: State,
    to: State,
    path: &'static [(usize, usize)],
    label: &'static str,
    at: (usize, usize),
}

const fn arrow(
    from: State,
    to: State,
    path: &'static [(usize, usize)],
    label: &'static str,
    at: (usize, usize),
) -> Arrow {
    Arrow { from, to, path, label, at }
}

const ARROWS: &[Arrow] = &[
    arrow(Close, Listen, &[(27, 1), (11, 1), (11, 4)], "listen()", (13, 3)),
    arrow(Close, SynSent, &[(48, 1), (64, 1), (64, 4)], "connect()", (66, 3)),
    arrow(Listen, SynRecv, &[(11, 8), (11, 10)], "SYN", (13, 9)),
    arrow(SynSent, SynRecv, &[(60, 8), (60, 12), (22, 12)], "SYN", (40, 11)),
    arrow(SynSent, Established, &[(68, 8), (68, 17), (48, 17)], "SYN, ACK", (58, 16)),
    arrow(SynRecv, Established, &[(16, 14), (16, 17), (27, 17)], "ACK", (20, 16)),
    arrow(SynRecv, FinWait1, &[(6, 14), (6, 20)], "close()", (8, 19)),
    arrow(Established, FinWait1, &[(32, 19), (32, 22), (22, 22)], "close()", (23, 21)),
    arrow(Established, CloseWait, &[(44, 19), (44, 22), (53, 22)], "FIN", (47, 21)),
    arrow(FinWait1, FinWait2, &[(6, 24), (6, 26)], "ACK", (8, 25)),
    arrow(FinWait1, Closing, &[(18, 24), (18, 25), (38, 25), (38, 26)], "FIN", (22, 24)),
    arrow(FinWait1, TimeWait, &[(1, 22), (0, 22), (0, 37), (38, 37), (38, 36)], "FIN, ACK", (2, 36)),
    arrow(CloseWait, LastAck, &[(64, 24), (64, 26)], "close()", (66, 25)),
    arrow(FinWait2, TimeWait, &[(11, 30), (11, 34), (27, 34)], "FIN", (13, 32)),
    arrow(Closing, TimeWait, &[(38, 30), (38, 32)], "ACK", (40, 31)),
    arrow(LastAck, Close, &[(64, 30), (64, 32)], "ACK", (66, 31)),
    arrow(TimeWait, Close, &[(48, 34), (53, 34)], "60 s", (49, 33)),
];

/// The lines of the diagram. One state may be highlighted with its arrows; a state's count is shown after its name.
pub fn draw(highlighted: Option<State>, count: impl Fn(State) -> Option<u64>) -> Vec<String> {
    let mut canvas = Canvas::default();
    for Arrow { from, to, path, label, at } in ARROWS {
        let is_highlighted = highlighted == Some(*from) || highlighted == Some(*to);
        canvas.arrow(path, if is_highlighted { Weight::Heavy } else { Weight::Light });
        canvas.text(*at, label);
    }
    for (index, (state, corner)) in BOXES.iter().enumerate() {
        let border = if highlighted == Some(*state) { Weight::Heavy } else { Weight::Light };
        let is_second = BOXES[..index].iter().any(|(before, _)| before == state);
        let title = match count(*state).filter(|_| !is_second) {
            Some(count) => format!("{state} {count}"),
            None => state.to_string(),
        };
        canvas.boxed(*corner, BOX, border, &title);
    }
    canvas.into_lines()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::LEGAL_TRANSITIONS;

    #[test]
    fn every_arrow_is_a_legal_transition() {
        for Arrow { from, to, .. } in ARROWS {
            assert!(LEGAL_TRANSITIONS.contains(&(*from, *to)), "{from} to {to}");
        }
    }

    #[test]
    fn a_legal_transition_without_an_arrow_is_an_abort_or_an_early_fin() {
        let drawn: HashSet<_> = ARROWS.iter().map(|arrow| (arrow.from, arrow.to)).collect();
        let not_drawn = LEGAL_TRANSITIONS.iter().filter(|transition| !drawn.contains(transition));
        for (from, to) in not_drawn {
            // A FIN that arrives with the handshake's last ACK: `tcp_fin`, net/ipv4/tcp_input.c.
            let is_early_fin = (*from, *to) == (SynRecv, CloseWait);
            assert!(*to == Close || is_early_fin, "{from} to {to} is missing");
        }
    }

    #[test]
    fn every_state_has_a_box() {
        for state in State::ALL {
            assert!(BOXES.iter().any(|(boxed, _)| *boxed == state), "{state}");
        }
    }

    /// Whether the point is next to the border of a box of the state, outside of it.
    fn touches(state: State, (x, y): (usize, usize)) -> bool {
        BOXES.iter().filter(|(boxed, _)| *boxed == state).any(|(_, (left, top))| {
            let beside = (top..&(top + BOX.1)).contains(&&y) && (x + 1 == *left || x == left + BOX.0);
            let above_or_below = (left..&(left + BOX.0)).contains(&&x) && (y + 1 == *top || y == top + BOX.1);
            beside || above_or_below
        })
    }

    #[test]
    fn every_arrow_begins_and_ends_at_the_boxes_of_its_states() {
        for Arrow { from, to, path, .. } in ARROWS {
            assert!(path.first().is_some_and(|begin| touches(*from, *begin)), "{from} to {to}: its begin");
            assert!(path.last().is_some_and(|end| touches(*to, *end)), "{from} to {to}: its end");
        }
    }

    #[test]
    fn arrows_labels_and_boxes_do_not_overlap() {
        let mut taken = HashSet::new();
        let mut take =
            |what: &str, place: (usize, usize)| assert!(taken.insert(place), "{what} at {place:?}");
        for Arrow { from, to, path, label, at } in ARROWS {
            for place in canvas::places(path) {
                take(&format!("{from} to {to}"), place);
            }
            for column in 0..label.len() {
                take(label, (at.0 + column, at.1));
            }
        }
        for (state, (left, top)) in BOXES {
            for (column, row) in (0..BOX.0).flat_map(|column| (0..BOX.1).map(move |row| (column, row))) {
                take(state.name(), (left + column, top + row));
            }
        }
    }

    #[test]
    fn the_diagram_fits_in_80_columns_and_highlights_one_state() {
        let lines = draw(Some(TimeWait), |state| (state == Established).then_some(12345));
        assert!(lines.iter().all(|line| line.chars().count() < 80));
        assert_eq!(lines.iter().filter(|line| line.contains('║')).count(), 1);
        assert!(lines.iter().any(|line| line.contains("║    TIME_WAIT     ║")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("│ESTABLISHED 12345 │")), "{lines:#?}");
    }
}
