//! The thread that takes snapshots: requests, failures, panics and its end.

use super::*;

#[test]
fn one_snapshotter_answers_each_request_and_takes_owners_alone_on_request() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let _listener = namespace.run(|| Sock::listening(loopback(), 8))?;
    let mut snapshotter = snapshotter()?;
    for _ in 0..3 {
        snapshotter.request(SnapshotKind::Full);
        let snapshot = answer(&mut snapshotter)?;
        let sk = within(&snapshot, namespace.inum()?)[0].sock.sk;
        snapshotter.request(SnapshotKind::Owners);
        let owners = answer(&mut snapshotter)?;
        assert_eq!((snapshot.kind, owners.kind), (SnapshotKind::Full, SnapshotKind::Owners));
        assert!(owners.sockets.is_empty() && owners.netns_covered.is_empty());
        assert_eq!(owner(&owners, sk), owner(&snapshot, sk));
    }
    Ok(())
}

#[test]
fn a_snapshot_that_fails_is_an_error_that_says_what_was_requested_and_the_next_one_may_work() -> Result<()> {
    let mut fails = true;
    let mut snapshotter = Snapshotter::spawn(move || {
        move |kind| {
            anyhow::ensure!(!std::mem::take(&mut fails), "can't open an iterator");
            Ok(Snapshot { kind, ..Snapshot::default() })
        }
    })?;
    snapshotter.request(SnapshotKind::Full);
    let error = next(&mut snapshotter)?.unwrap_err();
    assert_eq!(
        (error.kind, error.why.as_str(), error.may_recover),
        (SnapshotKind::Full, "can't open an iterator", true)
    );
    snapshotter.request(SnapshotKind::Owners);
    assert_eq!(answer(&mut snapshotter)?.kind, SnapshotKind::Owners);
    Ok(())
}

#[test]
fn a_panic_is_a_failed_snapshot_and_the_thread_serves_the_next_request() -> Result<()> {
    let mut panics = true;
    let mut snapshotter = Snapshotter::spawn(move || {
        move |kind| {
            assert!(!std::mem::take(&mut panics), "the {} panic of a test", "intended");
            Ok(Snapshot { kind, ..Snapshot::default() })
        }
    })?;
    snapshotter.request(SnapshotKind::Full);
    let error = next(&mut snapshotter)?.unwrap_err();
    assert_eq!(error.why, "taking it panicked: the intended panic of a test");
    assert!(error.may_recover);
    snapshotter.request(SnapshotKind::Full);
    assert_eq!(answer(&mut snapshotter)?.kind, SnapshotKind::Full);
    Ok(())
}

#[test]
fn the_end_of_the_thread_is_reported_once() -> Result<()> {
    let mut snapshotter = Snapshotter::spawn(|| |_| Ok(Snapshot::default()))?;
    snapshotter.send(request::END);
    let error = next(&mut snapshotter)?.unwrap_err();
    assert!(!error.may_recover && error.why.contains("has ended"), "{error:?}");
    // Nothing more is ready.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let again = snapshotter.next();
        tokio::select! {
            biased;
            result = again => panic!("reported again: {result:?}"),
            () = std::future::ready(()) => {}
        }
    });
    Ok(())
}
