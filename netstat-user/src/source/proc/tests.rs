//! Polls of directories that imitate /proc: complete ones, and ones with missing or malformed files.

use std::{
    fs,
    num::NonZero,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FileType, Mode};

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

    /// Adds a thread with its own file table, which holds the socket, in a network namespace.
    fn thread(&self, pid: u32, id: u32, namespace: u32, inode: u64) -> PathBuf {
        let process = self.0.join(pid.to_string());
        let main = process.join("task").join(pid.to_string());
        let thread = process.join("task").join(id.to_string());
        for directory in [&main, &thread] {
            fs::create_dir_all(directory.join("ns")).unwrap();
            fs::create_dir_all(directory.join("net")).unwrap();
        }
        symlink(process.join("fd"), main.join("fd")).unwrap();
        symlink(fs::read_link(process.join("ns/net")).unwrap(), main.join("ns/net")).unwrap();
        fs::create_dir_all(thread.join("fd")).unwrap();
        symlink(format!("net:[{namespace}]"), thread.join("ns/net")).unwrap();
        symlink(format!("socket:[{inode}]"), thread.join("fd/9")).unwrap();
        thread
    }

    fn first_poll(&self) -> Result<Vec<PolledSocket>> {
        let options = ProcOptions {
            root: self.0.clone(),
            netns: Values::default(),
            interval: Duration::from_secs(3600),
            duration: None,
            table_size: usize::MAX,
            memory_limit: None,
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
        sockets.iter().map(|socket| (socket.netns, socket.owner.as_ref().map(|owner| owner.pid))).collect();
    assert_eq!(found, [(Some(11), Some(20)), (Some(12), Some(40))]);
    assert_eq!(sockets[0].owner.as_ref().unwrap().comm.as_bytes(), b"proc20");
    assert_eq!(sockets[0].state, State::Listen);
}

#[test]
fn a_malformed_line_is_lost_and_told_and_its_neighbours_are_not() {
    for (number, wrong) in [
        "\0\u{1}\u{7f}\n",
        "   0: 0100007F:1F90 0000\n",
        "   0: 0100007F:1F90 00000000:0000 63 0:0 00:0 0 0 0 7\n",
        "   0: 0100007é:1F90 00000000:0000 0A 0:0 00:0 0 0 0 7\n",
        "   0: 0100007F:1F90\u{2003}00000000:0000 0A 0:0 00:0 0 0 0 7\n",
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 -1 0 99999999999999999999999\n",
    ]
    .into_iter()
    .enumerate()
    {
        let root = Root::new(&format!("wrong-{number}"));
        let process = root.process(20, 11, 100);
        table(&process, &format!("{}{wrong}{}", listener(100), listener(101)));
        table(&root.process(40, 12, 200), &listener(200));
        let mut poller = ProcPoller::new(root.0.clone(), Values::default());
        let poll = poller.poll(&Stop::NEVER).unwrap();
        let mut inodes: Vec<u64> =
            poll.sockets.iter().filter_map(|socket| socket.handle).map(NonZero::get).collect();
        inodes.sort_unstable();
        assert_eq!(inodes, [100, 101, 200], "{wrong:?}");
        assert!(poll.unread.contains(&Some(11)) && !poll.unread.contains(&Some(12)), "{wrong:?}");
        let [UnreadNetns { netns: 11, why }] = poll.unread_why.as_slice() else {
            panic!("{:?}", poll.unread_why)
        };
        let path = process.join("net/tcp");
        let path = path.display();
        let said =
            format!("was not read completely: 1 line of {path} can't be parsed, the first is line 2");
        assert_eq!(*why, said, "{wrong:?}");
    }
}

#[test]
fn a_table_that_is_a_fifo_is_no_table_and_nobody_waits_for_its_writer() {
    let root = Root::new("fifo");
    let process = root.process(20, 11, 100);
    table(&process, &listener(100));
    table(&root.process(40, 12, 200), &listener(200));
    let path = process.join("net/tcp");
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    let poll = poller.poll(&Stop::NEVER).unwrap();
    assert_eq!(poll.sockets.len(), 1);
    assert_eq!(poll.unread_why.iter().map(|unread| unread.netns).collect::<Vec<_>>(), [11]);
}

#[test]
fn the_lines_before_a_torn_end_are_sockets() {
    let root = Root::new("torn");
    let process = root.process(20, 11, 100);
    let torn = listener(101);
    table(&process, &format!("{}{}", listener(100), &torn[..torn.len() - 4]));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    let poll = poller.poll(&Stop::NEVER).unwrap();
    assert_eq!(poll.sockets.len(), 1);
    assert!(poll.unread_why[0].why.ends_with("the file ends within a line"), "{:?}", poll.unread_why);
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
    let pids: Vec<_> = root
        .first_poll()
        .unwrap()
        .iter()
        .map(|socket| socket.owner.as_ref().map(|owner| owner.pid))
        .collect();
    assert_eq!(pids, [None, Some(40)]);
}

#[test]
fn the_sockets_of_a_thread_with_its_own_files_and_its_own_namespace_are_found() {
    let _runtime = runtime().enter();
    let root = Root::new("thread");
    table(&root.process(20, 11, 100), &listener(100));
    table(&root.thread(20, 21, 12, 200), &listener(200));
    let sockets = root.first_poll().unwrap();
    let found: Vec<_> =
        sockets.iter().map(|socket| (socket.netns, socket.owner.as_ref().map(|owner| owner.pid))).collect();
    assert_eq!(found, [(Some(11), Some(20)), (Some(12), Some(20))]);
}

#[test]
fn an_owner_with_a_new_start_is_another_process_and_a_new_name_is_taken() {
    let root = Root::new("refresh");
    let process = root.process(20, 11, 100);
    table(&process, &listener(100));
    let stat = |name: &str, started: u32| {
        let text = format!("20 ({name}) S 1 20 20 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0\n");
        fs::write(process.join("stat"), text).unwrap();
    };
    stat("bash", 7);
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    let handle = poller.poll(&Stop::NEVER).unwrap().sockets[0].handle.unwrap();
    let mut owners = Owners::from_iter([(handle, None)]);
    poller.find_owners(&mut owners, &Stop::NEVER).unwrap();
    let owner = owners[&handle].as_deref().unwrap();
    assert_eq!(owner.comm.as_bytes(), b"bash");
    stat("sleep", 7);
    assert_eq!(poller.refresh(owner).unwrap().comm.as_bytes(), b"sleep");
    stat("sleep", 8);
    assert_eq!(poller.refresh(owner), None);
    fs::remove_dir_all(&process).unwrap();
    assert_eq!(poller.refresh(owner), None);
}

#[test]
fn a_table_without_its_title_is_a_failed_read_and_no_end_of_connections() {
    let root = Root::new("cut");
    let process = root.process(20, 11, 100);
    table(&process, &listener(100));
    table(&root.process(40, 12, 200), &listener(200));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    for (file, restored, sockets) in
        [("net/tcp", format!("{HEADER}{}", listener(100)), 1), ("net/tcp6", HEADER.to_owned(), 2)]
    {
        fs::write(process.join(file), "").unwrap();
        let poll = poller.poll(&Stop::NEVER).unwrap();
        assert!(poll.unread.contains(&Some(11)) && poll.sockets.len() == sockets);
        let [UnreadNetns { netns: 11, why }] = poll.unread_why.as_slice() else {
            panic!("{:?}", poll.unread_why)
        };
        assert!(why.contains(file) && why.contains("empty"), "{why}");
        fs::write(process.join(file), restored).unwrap();
        let poll = poller.poll(&Stop::NEVER).unwrap();
        assert!(poll.unread.is_empty() && poll.unread_why.is_empty() && poll.sockets.len() == 2);
    }
}

#[test]
fn a_poll_that_has_to_stop_stops_before_its_end() {
    let root = Root::new("stop");
    table(&root.process(20, 11, 100), &listener(100));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    let now = Stop::at(tokio::time::Instant::now());
    assert!(poller.poll(&now).is_err());
    assert!(poller.find_owners(&mut Owners::default(), &now).is_err());
}

#[test]
fn more_sockets_than_there_is_memory_for_are_no_poll() {
    let root = Root::new("memory");
    table(&root.process(20, 11, 100), &[listener(100), listener(101)].concat());
    let poller = |limit| ProcPoller {
        capacity: Capacity::within(Some(limit)),
        ..ProcPoller::new(root.0.clone(), Values::default())
    };
    let error = poller(0).poll(&Stop::NEVER).unwrap_err().to_string();
    assert!(error.contains("takes 11 MiB") && error.contains("limited to 0 MiB"), "{error}");
    assert_eq!(poller(12 << 20).poll(&Stop::NEVER).unwrap().sockets.len(), 2);
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
    assert_eq!(poller.poll(&Stop::NEVER).unwrap().sockets.len(), 1);
    fs::remove_dir_all(&root.0).unwrap();
    let error = format!("{:#}", poller.poll(&Stop::NEVER).unwrap_err());
    assert!(error.starts_with(&format!("can't list {}", root.0.display())), "{error}");
}

#[test]
fn a_poll_that_can_read_no_namespace_fails() {
    let root = Root::new("unread");
    let process = root.process(20, 11, 100);
    table(&process, &listener(100));
    let mut poller = ProcPoller::new(root.0.clone(), Values::default());
    poller.poll(&Stop::NEVER).unwrap();
    fs::remove_file(process.join("net/tcp")).unwrap();
    let error = format!("{:#}", poller.poll(&Stop::NEVER).unwrap_err());
    assert!(error.contains("can't read the sockets of any network namespace"), "{error}");
}
