//! Polls of directories that imitate /proc: complete ones, and ones with missing or malformed files.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use super::*;
use crate::{
    model::{Event, PolledSocket, State},
    source::EventSource as _,
};

const HEADER: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// A directory that is removed at the end of the test.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rnetstat-proc-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A process in the network namespace, which holds the socket.
    fn process(&self, pid: u32, namespace: u32, inode: u64) -> PathBuf {
        let directory = self.0.join(pid.to_string());
        for part in ["ns", "net", "fd"] {
            fs::create_dir_all(directory.join(part)).unwrap();
        }
        symlink(format!("net:[{namespace}]"), directory.join("ns/net")).unwrap();
        symlink("/dev/null", directory.join("fd/0")).unwrap();
        symlink(format!("socket:[{inode}]"), directory.join("fd/3")).unwrap();
        fs::write(directory.join("comm"), format!("proc{pid}\n")).unwrap();
        fs::copy("/proc/self/status", directory.join("status")).unwrap();
        directory
    }

    fn first_poll(&self) -> Result<Vec<PolledSocket>> {
        let options = ProcOptions {
            root: self.0.clone(),
            netns: Values::default(),
            interval: Duration::from_secs(3600),
            table_size: usize::MAX,
            instead_of: None,
        };
        let mut sockets = Vec::new();
        start(options)?.drain(|event| {
            if let Event::Poll(poll) = event {
                sockets.extend(poll.sockets);
            }
        });
        sockets.sort_by_key(|socket| socket.netns);
        Ok(sockets)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // A directory that can't be removed stays in the system's temporary directory.
        let _not_removed = fs::remove_dir_all(&self.0);
    }
}

fn table(directory: &Path, lines: &str) {
    fs::write(directory.join("net/tcp"), format!("{HEADER}{lines}")).unwrap();
    fs::write(directory.join("net/tcp6"), HEADER).unwrap();
}

/// 127.0.0.1:8080 listens.
fn listener(inode: u64) -> String {
    format!(
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn each_namespace_is_read_once_and_the_lowest_holder_owns() {
    let _runtime = runtime().enter();
    let root = Root::new("each");
    for (pid, namespace, inode) in [(1, 11, 100), (20, 11, 100), (30, 11, 100), (40, 12, 200)] {
        table(&root.process(pid, namespace, inode), &listener(inode));
    }
    let sockets = root.first_poll().unwrap();
    let found: Vec<_> =
        sockets.iter().map(|socket| (socket.netns, socket.owner.map(|owner| owner.pid))).collect();
    assert_eq!(found, [(Some(11), Some(20)), (Some(12), Some(40))]);
    assert_eq!(sockets[0].owner.unwrap().comm.as_bytes(), b"proc20");
    assert_eq!(sockets[0].state, State::Listen);
}

#[test]
fn a_malformed_table_makes_its_namespace_unread_and_no_other() {
    let _runtime = runtime().enter();
    for (number, wrong) in [
        "\0\u{1}\u{7f}\n",
        "   0: 0100007F:1F90 0000\n",
        "   0: 0100007F:1F90 00000000:0000 63 0:0 00:0 0 0 0 7\n",
        "   0: 0100007é:1F90 00000000:0000 0A 0:0 00:0 0 0 0 7\n",
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 -1 0 99999999999999999999999\n",
    ]
    .into_iter()
    .enumerate()
    {
        let root = Root::new(&format!("wrong-{number}"));
        table(&root.process(20, 11, 100), &format!("{}{wrong}", listener(100)));
        table(&root.process(40, 12, 200), &listener(200));
        let sockets = root.first_poll().unwrap();
        assert_eq!(sockets.iter().map(|socket| socket.netns).collect::<Vec<_>>(), [Some(12)], "{wrong:?}");
    }
}

#[test]
fn a_process_that_is_exiting_is_left_out() {
    let _runtime = runtime().enter();
    let root = Root::new("gone");
    let gone = root.process(20, 11, 100);
    fs::remove_file(gone.join("comm")).unwrap();
    table(&root.process(40, 11, 200), &(listener(100) + &listener(200)));
    fs::create_dir_all(root.0.join("99999999999999999999")).unwrap();
    fs::write(root.0.join("50"), "no directory").unwrap();
    let pids: Vec<_> =
        root.first_poll().unwrap().iter().map(|socket| socket.owner.map(|owner| owner.pid)).collect();
    assert_eq!(pids, [None, Some(40)]);
}

#[test]
fn a_root_without_processes_is_named_in_the_error() {
    let _runtime = runtime().enter();
    let root = Root::new("empty");
    let error = root.first_poll().unwrap_err().to_string();
    assert!(error.contains(root.0.to_str().unwrap()), "{error}");
    assert!(error.contains("--proc-root"), "{error}");
}

#[test]
fn a_poll_without_a_list_of_processes_fails_with_the_reason_and_shows_no_socket_as_gone() {
    let root = Root::new("unlisted");
    table(&root.process(20, 11, 100), &listener(100));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    assert_eq!(poller.poll().unwrap().sockets.len(), 1);
    fs::remove_dir_all(&root.0).unwrap();
    let error = format!("{:#}", poller.poll().unwrap_err());
    assert!(error.starts_with(&format!("can't list {}", root.0.display())), "{error}");
}

#[test]
fn a_poll_that_can_read_no_namespace_fails() {
    let root = Root::new("unread");
    let process = root.process(20, 11, 100);
    table(&process, &listener(100));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    poller.poll().unwrap();
    fs::remove_file(process.join("net/tcp")).unwrap();
    let error = format!("{:#}", poller.poll().unwrap_err());
    assert!(error.contains("can't read the sockets of any network namespace"), "{error}");
}
