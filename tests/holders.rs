//! Sockets whose holders are hard to see, and network namespaces that no process is in: both programs and all sources
//! find them, or say what they can't see.

#![cfg(target_os = "linux")]

use std::{
    ffi::CString,
    fs::{self, File},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _, net::UnixStream},
    },
    path::PathBuf,
    process::Command,
    sync::mpsc,
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use netstat_tests::{
    child::{self, Child},
    event::{Event, Found},
    fd_passing,
    main_thread::start_without_main_thread,
    netns::ip,
    netstat::{rnetstat, text},
    privilege::BinaryCopy,
    scenario::TestNet,
    skip,
    sock::Sock,
    tracer::Tracer,
    wait,
    wait::for_exclusive_turn,
};
use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};
use serde_json::Value;

/// More open files than those with which rnetstat walks through /proc to find the holders of sockets.
const MANY_FILES: u64 = 11_000;

#[test]
fn a_process_whose_main_thread_has_exited_holds_its_sockets() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A child has a copy of every socket of this process, so each test has the process to itself.
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let (ours, theirs) = UnixStream::pair()?;
    let child = net.netns.run(|| {
        let listener = net.listener()?;
        let child = start_without_main_thread(|| {
            fd_passing::close_copy(&ours);
            fd_passing::wait_for_closed(&theirs)
        })?;
        listener.close();
        Ok(child)
    })?;
    let has_exited = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.pid()))?;
        Ok(stat.contains(") Z ").then_some(()))
    };
    wait::until("the main thread has exited", has_exited)?;
    let found = holder_is(&net, child.pid());
    drop(ours);
    child.wait()?;
    found
}

#[test]
fn a_thread_with_its_own_file_table_holds_its_sockets_however_many_files_are_open() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let limit = Rlimit { current: Some(MANY_FILES + 1000), ..getrlimit(Resource::Nofile) };
    let is_raised = limit.maximum.is_none_or(|maximum| maximum >= MANY_FILES + 1000)
        && setrlimit(Resource::Nofile, limit).is_ok();
    if skip::without("a limit of 12,000 open files", is_raised) {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let (sender, receiver) = mpsc::channel();
    let (end, until_end) = mpsc::channel::<()>();
    let net = &net;
    let hold = move || {
        net.netns.run(move || {
            // SAFETY: the thread closes what it opens, and uses no descriptor that another thread opens later.
            unsafe { unshare_unsafe(UnshareFlags::FILES) }?;
            let _listener = net.listener()?;
            let _sent = sender.send(());
            let _ended = until_end.recv();
            Ok(())
        })
    };
    thread::scope(|scope| {
        let holder = scope.spawn(hold);
        receiver.recv().context("the thread has no listener")?;
        holder_is(net, std::process::id())?;
        let files = (0..MANY_FILES).map(|_| Ok(File::open("/dev/null")?)).collect::<Result<Vec<_>>>()?;
        let found = holder_is(net, std::process::id());
        drop((files, end));
        holder.join().map_err(|_| anyhow!("the thread panicked"))??;
        found
    })
}

#[test]
fn a_namespace_that_only_a_thread_is_in_is_found() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let new_namespace = || {
        let inum = unshare_network()?;
        Ok((Sock::listening(([127, 0, 0, 1], 0).into(), 1)?, inum))
    };
    in_thread(new_namespace, |inum| is_found(inum, "LISTEN"))
}

#[test]
fn a_namespace_that_only_a_socket_holds_is_found() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (inum, _listener) = thread::spawn(|| {
        let inum = unshare_network()?;
        anyhow::Ok((inum, Sock::listening(([127, 0, 0, 1], 0).into(), 1)?))
    })
    .join()
    .map_err(|_| anyhow!("the thread panicked"))??;
    is_found(inum, "LISTEN")
}

#[test]
fn a_namespace_that_only_another_mount_namespace_has_mounted_is_found() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let host = File::open("/proc/self/ns/net")?;
    let target = std::env::temp_dir().join(format!("rnetstat tests {}", std::process::id()));
    fs::write(&target, "")?;
    let path = CString::new(target.as_os_str().as_bytes())?;
    let (ours, theirs) = UnixStream::pair()?;
    let (inum, child) = in_new_network(|inum| {
        ip("link set lo up")?;
        let listener = Sock::listening(([127, 0, 0, 1], 0).into(), 1)?;
        let (client, server) = (Sock::connected(listener.local()?)?, listener.accept()?);
        client.close();
        server.receive_fin()?;
        server.close();
        listener.close();
        let child = Child::start(|| mount_and_leave(&path, &host, &theirs).is_ok_and(|read| read == 0))?;
        Ok((inum, child))
    })?;
    drop(theirs);
    let found = is_mounted_by(&child, inum).and_then(|()| is_found(inum, "TIME_WAIT"));
    drop(ours);
    child.wait()?;
    fs::remove_file(&target)?;
    found
}

/// Mounts its network namespace where no other process sees it, leaves it, closes all files and waits for the end of
/// `until`. Makes only system calls.
fn mount_and_leave(target: &CString, host: &File, until: &UnixStream) -> Result<usize, rustix::io::Errno> {
    // SAFETY: the child has one thread, and no memory safety depends on its mounts.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount_bind(c"/proc/self/ns/net", target.as_c_str())?;
    move_into_link_name_space(host.as_fd(), Some(LinkNameSpaceType::Network))?;
    // SAFETY: the child ends by _exit and uses no other file than the one that stays open, under a new number.
    let until = unsafe {
        libc::dup2(until.as_raw_fd(), 3);
        libc::syscall(libc::SYS_close_range, 4, libc::c_uint::MAX, 0);
        std::os::fd::BorrowedFd::borrow_raw(3)
    };
    rustix::io::retry_on_intr(|| rustix::io::read(until, &mut [0; 1]))
}

fn is_mounted_by(child: &Child, inum: u32) -> Result<()> {
    let name = format!("net:[{inum}]");
    let mounts = format!("/proc/{}/mountinfo", child.pid());
    let files = format!("/proc/{}/fd", child.pid());
    wait::until("the namespace is mounted and nothing else holds it", || {
        let is_mounted = fs::read_to_string(&mounts)?.contains(&name);
        let holds_only_its_end = fs::read_dir(&files)?.count() <= 4;
        Ok((is_mounted && holds_only_its_end).then_some(()))
    })
}

#[test]
fn what_hides_processes_is_said_and_an_owner_that_may_exist_is_null() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let (lister, trace) = (BinaryCopy::of("rnetstat")?, BinaryCopy::of("rnetstat-trace")?);
    let setpriv = child::program("setpriv")?;
    let nobody = format!("{} --reuid 65534 --regid 65534 --clear-groups", setpriv.display());
    let hidepid = |value: &str| {
        let script = format!("mount -t proc -o hidepid={value} none /proc && exec {nobody} \"$@\"");
        ["unshare", "--mount", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
    };
    let pair = net.netns.run(|| net.pair())?;
    pair.client.shutdown_write()?;
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (prefix, reason) in [
        (words("unshare --pid --fork --mount-proc"), "PID namespace"),
        (hidepid("2"), "hidepid"),
        (hidepid("1"), "can't be read"),
        (words("unshare --user --map-root-user"), "user namespace"),
        (words(&nobody), "run it as root"),
    ] {
        net.netns.run(|| {
            let run = |program: PathBuf, arguments: &[&str]| -> Result<(String, String)> {
                let output =
                    Command::new(&prefix[0]).args(&prefix[1..]).arg(program).args(arguments).output()?;
                let stderr = String::from_utf8(output.stderr)?;
                ensure!(output.status.success(), "{prefix:?}: {stderr}");
                Ok((String::from_utf8(output.stdout)?, stderr))
            };
            let (stdout, stderr) = run(lister.path(), &["-ntap", "--json"])?;
            let owners = owners(&stdout)?;
            ensure!(
                owners.len() == 3 && owners.iter().all(|(_, owners)| owners.is_null()),
                "{prefix:?}: {owners:?}"
            );
            ensure!(stderr.lines().count() == 1 && stderr.contains(reason), "{prefix:?}: {stderr}");
            let arguments = ["--source", "proc", "--existing", "--json", "-d", "10ms", "--port"];
            let port = pair.listener.local()?.port().to_string();
            let (stdout, stderr) = run(trace.path(), &[&arguments[..], &[&port]].concat())?;
            let said: Vec<&str> = stderr.lines().filter(|line| line.contains("processes of")).collect();
            ensure!(said.len() == 1 && said[0].contains(reason), "{prefix:?}: {stderr}");
            ensure!(stdout.contains("\"pid\":null"), "{prefix:?}: {stdout}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_socket_that_no_process_can_hold_has_no_owners_and_that_is_known() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A child of another test would have copies of these sockets.
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    net.netns.run(|| {
        net.pair()?.client_closes()?;
        let output = text(&mut rnetstat(&["-ntap", "--json"])?)?;
        ensure!(owners(&output)? == [("TIME_WAIT".to_owned(), Value::Array(Vec::new()))], "{output}");
        Ok(())
    })
}

/// The state and the owners of each socket.
fn owners(json: &str) -> Result<Vec<(String, Value)>> {
    let socket = |line: &str| {
        let mut socket: Value = serde_json::from_str(line)?;
        let state = socket["state"].as_str().context("no state")?.to_owned();
        Ok((state, socket["owners"].take()))
    };
    json.lines().map(socket).collect()
}

/// Checks that each program and each source names the process that holds the only socket of the namespace.
fn holder_is(net: &TestNet, pid: u32) -> Result<()> {
    let output = net.netns.run(|| text(&mut rnetstat(&["-ntlp", "--json"])?))?;
    let owners = owners(&output)?;
    ensure!(
        owners.len() == 1 && owners[0].1[0]["pid"] == pid && owners[0].1[0]["program"] != "",
        "{pid} holds it: {output}"
    );
    for source in ["proc", "ebpf"] {
        let found = existing(net.netns.inum()?, source)?;
        ensure!(found.pid == Some(pid), "{source}: {pid} holds it: {found:#?}");
    }
    Ok(())
}

/// Checks that each program and each source finds the socket of a namespace.
fn is_found(inum: u32, state: &str) -> Result<()> {
    let output = text(&mut rnetstat(&["-nta", "--json", "--all-netns"])?)?;
    let sockets: Vec<Value> =
        output.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<_>>()?;
    let is_it = |socket: &&Value| socket["netns"] == inum && socket["state"] == state;
    ensure!(sockets.iter().any(|socket| is_it(&socket)), "rnetstat doesn't find {inum}");
    for source in ["proc", "ebpf"] {
        let found = existing(inum, source)?;
        ensure!(found.new_state == state, "{source}: {found:#?}");
    }
    Ok(())
}

/// The first connection that a trace finds in a namespace.
fn existing(inum: u32, source: &str) -> Result<Found> {
    let tracer = Tracer::start(&["--source", source, "--existing", "--netns", &inum.to_string()])?;
    let found = wait::until(&format!("--source {source} finds a socket in {inum}"), || {
        let lines = tracer.lines_so_far()?;
        let events = lines.lines().map(Event::parse).collect::<Result<Vec<_>>>()?;
        let existing = events.into_iter().find_map(|event| match event {
            Event::Existing(found) => Some(*found),
            _ => None,
        });
        Ok(existing)
    })?;
    tracer.stop()?;
    Ok(found)
}

/// Moves the calling thread into a new network namespace, to which nothing else refers. Returns its inode number.
fn unshare_network() -> Result<u32> {
    // SAFETY: this changes only this thread's namespace; no memory and no descriptor is unshared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.context("unshare(CLONE_NEWNET)")?;
    Ok(u32::try_from(fs::metadata("/proc/thread-self/ns/net")?.ino())?)
}

/// Runs `work` on a thread in a new network namespace.
fn in_new_network<T: Send>(work: impl FnOnce(u32) -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| work(unshare_network()?));
        thread.join().map_err(|_| anyhow!("the thread panicked"))?
    })
}

/// Runs `begin` on a thread, which keeps the socket until `check` has returned.
fn in_thread<T: Send>(
    begin: impl FnOnce() -> Result<(Sock, T)> + Send,
    check: impl FnOnce(T) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let (end, until_end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let begun = begin().map(|(held, value)| {
                let _sent = sender.send(Ok(value));
                let _ended = until_end.recv();
                drop(held);
            });
            if let Err(error) = begun {
                let _sent = sender.send(Err(error));
            }
        });
        let checked = receiver.recv().context("the thread panicked")?.and_then(check);
        drop(end);
        checked
    })
}
