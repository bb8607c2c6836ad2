//! What the kernel's tracepoint doesn't tell of a connection's life: its rest in TIME_WAIT, why it ended, who held
//! it, how much went over it, and what was there before the trace.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    consistency,
    event::{Direction, Event, Found, Owner, Row},
    proc_tcp,
    scenario::{self, Case, Pair, Place},
    skip,
    tracer::Tracer,
    wait,
};

/// A client that closed first.
const CLIENT_CLOSES: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A server whose client closed first.
const SERVER_FOLLOWS: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A server that closed first.
const SERVER_CLOSES: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A client whose server closed first.
const CLIENT_FOLLOWS: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A client that reset the connection.
const CLIENT_RESETS: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetSent)";
/// A client whose server reset the connection.
const CLIENT_IS_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetReceived)";
/// A server that reset the connection.
const SERVER_RESETS: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetSent)";
/// A server whose client reset the connection.
const SERVER_IS_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetReceived)";
/// A client that noticed that its server had vanished.
const CLIENT_TIMES_OUT: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(Timeout)";

/// A case's name, and the story of each of its connections.
type Told = (&'static str, &'static [&'static str]);

#[test]
fn who_closes_first_rests_in_time_wait_and_both_say_who_it_was() -> Result<()> {
    play_and_compare(&[
        ("the client closes first", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the server closes first", &[SERVER_CLOSES, CLIENT_FOLLOWS]),
        ("the client half closes and reads on", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the server half closes and reads on", &[SERVER_CLOSES, CLIENT_FOLLOWS]),
        ("both ends shut down their writing and close later", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("a process exits without closing its connection", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the listener goes before its connection", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("client and server live in two namespaces joined by veth", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
    ])
}

#[test]
fn ends_that_close_at_once_both_rest_in_time_wait() -> Result<()> {
    play_and_compare(&[
        (
            "both ends close while their FINs are on the wire",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)",
                "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)",
            ],
        ),
        (
            "a connection with itself closes from both ends at once",
            &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)"],
        ),
    ])
}

#[test]
fn a_reset_tells_who_sent_it() -> Result<()> {
    play_and_compare(&[
        ("the client resets", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the server resets", &[CLIENT_IS_RESET, SERVER_RESETS]),
        ("the client closes with data unread", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("a process exits with data unread", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the client disconnects by AF_UNSPEC", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the client resets before accept()", &[CLIENT_RESETS, SERVER_IS_RESET]),
        (
            "the server resets after the client's FIN",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(ResetReceived)",
                "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE(ResetSent)",
            ],
        ),
    ])
}

#[test]
fn what_never_came_about_tells_why() -> Result<()> {
    play_and_compare(&[
        ("nobody listens", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody listens beyond the veth", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody answers and the client gives up", &["CLOSE SYN_SENT CLOSE(FinLocal)"]),
        ("nobody answers until the connect times out", &["CLOSE SYN_SENT CLOSE(Timeout)"]),
    ])
}

#[test]
fn connections_that_nobody_accepted_are_aborted_with_their_listener() -> Result<()> {
    const ABORTED: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(Aborted)";
    play_and_compare(&[(
        "the listener is closed with connections in its queue",
        &[CLIENT_IS_RESET, CLIENT_IS_RESET, ABORTED, ABORTED],
    )])
}

#[test]
fn a_peer_that_vanished_is_a_timeout() -> Result<()> {
    play_and_compare(&[
        ("the peer vanishes and the user timeout strikes", &[CLIENT_TIMES_OUT, SERVER_RESETS]),
        ("the peer vanishes and keepalive notices", &[CLIENT_TIMES_OUT, SERVER_RESETS]),
        (
            "the peer vanishes before the FIN",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE(Timeout)", SERVER_RESETS],
        ),
    ])
}

#[test]
fn a_closed_connection_stays_in_fin_wait2_until_its_peer_closes() -> Result<()> {
    if skip::without_root() || skip::without_sight_of(MOMENT, &Tracer::start(&[])?.start_event()?) {
        return Ok(());
    }
    let rows = trace_one(&[CLIENT_CLOSES, SERVER_FOLLOWS], |place| {
        let Pair { client, server, .. } = place.pair()?;
        let port = client.local()?.port();
        client.close();
        proc_tcp::wait_for(1, port, "FIN_WAIT2")?;
        std::thread::sleep(LATER);
        server.close();
        Ok(())
    })?;
    let rest = only(&rows, |row| row.new_state == "TIME_WAIT")?;
    let lasted = Duration::from_nanos(rest.state_ns.context("nothing of FIN_WAIT2")?);
    ensure!(
        lasted >= LATER,
        "the peer closed {LATER:?} later, but FIN_WAIT2 is said to have lasted {lasted:?}"
    );
    Ok(())
}

/// What a trace calls FIN_WAIT2→TIME_WAIT where it sees that only when the timer runs out.
const MOMENT: &str = "the moment of FIN_WAIT2→TIME_WAIT";
/// How much later the peer closes.
const LATER: Duration = Duration::from_millis(100);

#[test]
fn a_handshake_lasts_as_long_as_its_packets_are_on_the_wire() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let case = case("the wire delays every packet")?;
    let rows = trace_one(&[CLIENT_CLOSES, SERVER_FOLLOWS], case.play)?;
    let half_open = only(&rows, |row| row.old_state == "SYN_RECV")?;
    let lasted = Duration::from_nanos(half_open.state_ns.context("nothing of SYN_RECV")?);
    // There and back are 40 ms; a second would be the SYN-ACK's repetition.
    let on_the_wire = Duration::from_millis(35)..Duration::from_secs(1);
    ensure!(on_the_wire.contains(&lasted), "half open for {lasted:?}");
    Ok(())
}

#[test]
fn nothing_is_known_of_how_long_a_handshake_with_syn_cookies_took() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let case = case("the server answers with SYN cookies")?;
    let rows = trace_one(&[CLIENT_CLOSES, SERVER_FOLLOWS], case.play)?;
    ensure!(only(&rows, |row| row.old_state == "SYN_RECV")?.state_ns.is_none(), "{rows:#?}");
    Ok(())
}

#[test]
fn a_connection_belongs_to_who_connected_and_to_the_listener_before_accept() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let case = case("the client closes before accept()")?;
    let rows = trace_one(&[CLIENT_CLOSES, SERVER_FOLLOWS], case.play)?;
    for row in &rows {
        let before_accept = matches!(row.new_state, "SYN_RECV" | "ESTABLISHED" | "CLOSE_WAIT");
        let owner = match row.direction {
            Some(Direction::Outbound) => Some(Owner::Connect),
            Some(Direction::Inbound) if before_accept => Some(Owner::Listener),
            _ => continue,
        };
        ensure!(row.owner == owner, "not {owner:?}: {row:#?}");
        ensure!(row.pid == Some(std::process::id()), "a foreign pid: {row:#?}");
    }
    Ok(())
}

#[test]
fn bytes_are_counted_to_the_last_and_without_syn_and_fin() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let first_to_close: [fn(Pair) -> Result<()>; 3] = [Pair::client_closes, Pair::server_closes, |pair| {
        let Pair { client, server, .. } = pair;
        client.reset()?;
        server.receive_fails(rustix::io::Errno::CONNRESET)
    }];
    let told: [&[&str]; 3] = [
        &[CLIENT_CLOSES, SERVER_FOLLOWS],
        &[CLIENT_FOLLOWS, SERVER_CLOSES],
        &[CLIENT_RESETS, SERVER_IS_RESET],
    ];
    for (close, told) in first_to_close.into_iter().zip(told) {
        let rows = trace_one(told, |place| {
            let pair = place.pair()?;
            pair.client.send(&[0; QUESTION])?;
            pair.server.receive(QUESTION)?;
            pair.server.send(&[0; ANSWER])?;
            pair.client.receive(ANSWER)?;
            wait_until_acknowledged(&pair)?;
            close(pair)
        })?;
        for row in rows.iter().filter(|row| row.close_reason.is_some()) {
            let (sent, received) = match row.direction {
                Some(Direction::Outbound) => (QUESTION, ANSWER),
                _ => (ANSWER, QUESTION),
            };
            let expected = (Some(u64::try_from(sent)?), Some(u64::try_from(received)?));
            ensure!((row.bytes_sent, row.bytes_received) == expected, "not {expected:?}: {row:#?}");
            ensure!(row.rtt_us.is_some() && row.retransmits.is_some(), "{row:#?}");
        }
    }
    Ok(())
}

/// How many bytes the client sends, and the server.
const QUESTION: usize = 3000;
const ANSWER: usize = 5000;

/// An RST throws away what the peer has not acknowledged, and so does the count.
fn wait_until_acknowledged(pair: &Pair) -> Result<()> {
    for sock in [&pair.client, &pair.server] {
        wait::until("all is acknowledged", || Ok((sock.unacknowledged()? == 0).then_some(())))?;
    }
    Ok(())
}

#[test]
fn what_was_there_before_the_trace_is_shown_with_who_holds_it_and_goes_on() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let place = Place::new()?;
    let pair = place.here.run(|| place.pair())?;
    let (server, client) = (place.block.server(), pair.client.local()?);
    let tracer = Tracer::start(&["--existing"])?;
    wait::until("all three are shown", || Ok((found_so_far(&tracer, &place)?.len() >= 3).then_some(())))?;
    pair.client_closes()?;
    wait::until("the client is in its last state but one", || {
        let last = |row: &Row| matches!(row.new_state, "FIN_WAIT2" | "TIME_WAIT");
        Ok(rows_so_far(&tracer, &place)?.iter().any(last).then_some(()))
    })?;
    let events = tracer.stop()?.events()?;
    let here = Some(place.here.inum()?);
    let mut expected = vec![
        ("LISTEN", server, None),
        ("ESTABLISHED", server, Some(client)),
        ("ESTABLISHED", client, Some(server)),
    ];
    for found in events.existing.iter().filter(|found| found.netns == here) {
        let local = found.local_addr.zip(found.local_port).context("no local end")?.into();
        let remote = found.remote_addr.zip(found.remote_port).map(Into::into);
        let shown = (found.new_state.as_str(), local, remote);
        let index = expected.iter().position(|end| *end == shown);
        expected.swap_remove(index.with_context(|| format!("shown twice, or never there: {found:#?}"))?);
        ensure!(found.old_state.is_none(), "it comes from nowhere: {found:#?}");
        let holder = (found.pid, found.owner);
        ensure!(holder == (Some(std::process::id()), Some(Owner::Scan)), "wrong holder: {found:#?}");
        let goes_on =
            events.rows.iter().any(|row| row.conn == found.conn && row.old_state == found.new_state);
        ensure!(goes_on, "it doesn't go on under its name: {found:#?}");
    }
    ensure!(expected.is_empty(), "not shown: {expected:?}");
    Ok(())
}

/// Plays the cases one after the other beside one trace, each in a place of its own.
fn play_and_compare(told: &[Told]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let places = told.iter().map(|_| Place::new()).collect::<Result<Vec<_>>>()?;
    let tracer = Tracer::start(&[])?;
    for ((name, _), place) in told.iter().zip(&places) {
        place.play(case(name)?).with_context(|| format!("playing {name:?}"))?;
    }
    for ((name, stories), place) in told.iter().zip(&places) {
        wait_for_stories(&tracer, place, stories).with_context(|| format!("after {name:?}"))?;
    }
    let rows = tracer.stop()?.rows()?;
    consistency::check(rows.iter().filter(|row| places.iter().any(|place| row.is_of(&place.block))))
}

/// Plays once beside a trace and returns the rows, when they tell these stories.
fn trace_one(stories: &[&str], play: impl FnOnce(&Place) -> Result<()> + Send) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let tracer = Tracer::start(&[])?;
    place.here.run(|| play(&place))?;
    wait_for_stories(&tracer, &place, stories)?;
    let mut rows = tracer.stop()?.rows()?;
    rows.retain(|row| row.is_of(&place.block));
    consistency::check(&rows)?;
    Ok(rows)
}

fn wait_for_stories(tracer: &Tracer, place: &Place, expected: &[&str]) -> Result<()> {
    let missing = tracer.start_event()?.missing;
    let sees_moment = !missing.iter().any(|missing| missing.what.starts_with(MOMENT));
    // Where the moment is not seen, it comes with the end of TIME_WAIT, a minute later.
    let visible =
        |story: &str| if sees_moment { story.to_owned() } else { story.replace(REST, " FIN_WAIT2") };
    let mut expected: Vec<String> = expected.iter().map(|story| visible(story)).collect();
    expected.sort_unstable();
    let mut told = Vec::new();
    wait::until("the stories are told", || {
        told = stories(&rows_so_far(tracer, place)?).iter().map(|story| visible(story)).collect();
        told.sort_unstable();
        Ok((told == expected).then_some(()))
    })
    .with_context(|| format!("told were {told:#?}, not {expected:#?}"))
}

/// The end of a connection that was closed here first.
const REST: &str = " FIN_WAIT2 TIME_WAIT(FinLocal)";

fn rows_so_far(tracer: &Tracer, place: &Place) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Transition(row) if row.is_of(&place.block) => rows.push(*row),
            _ => {}
        }
    }
    Ok(rows)
}

fn found_so_far(tracer: &Tracer, place: &Place) -> Result<Vec<Found>> {
    let here = Some(place.here.inum()?);
    let mut all = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Existing(found) if found.netns == here => all.push(*found),
            _ => {}
        }
    }
    Ok(all)
}

/// Each connection's states with its reason, sorted; without listeners, and without when a TIME_WAIT ends.
fn stories(rows: &[Row]) -> Vec<String> {
    let mut stories: BTreeMap<&str, String> = BTreeMap::new();
    for row in rows {
        if row.direction == Some(Direction::Listen) || row.old_state == "TIME_WAIT" {
            continue;
        }
        let story = stories.entry(&row.conn).or_insert_with(|| row.old_state.to_owned());
        *story += &format!(" {}", row.new_state);
        if let Some(reason) = row.close_reason {
            *story += &format!("({reason:?})");
        }
    }
    let mut stories: Vec<String> = stories.into_values().collect();
    stories.sort_unstable();
    stories
}

fn case(name: &str) -> Result<&'static Case> {
    scenario::all().find(|case| case.name == name).with_context(|| format!("there is no case {name:?}"))
}

fn only(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Result<&Row> {
    let mut found = rows.iter().filter(|row| wanted(row));
    let row = found.next().context("no such row")?;
    ensure!(found.next().is_none(), "two such rows");
    Ok(row)
}
