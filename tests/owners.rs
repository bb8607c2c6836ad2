//! Which process is reported as a connection's owner: one that opened, accepted, inherited or received its socket.

#![cfg(target_os = "linux")]

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child::Child,
    event::{Direction, Found, Owner, Row},
    fd_passing,
    output::Destination,
    scenario::{self, TestNet},
    seccomp, skip,
    sock::Sock,
    state_path::{
        CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE,
        existing_so_far, rows_so_far, trace_one,
    },
    tracer::{self, Tracer},
    wait,
    wait::for_exclusive_turn,
};

#[test]
fn a_connection_belongs_to_the_process_that_connected_and_before_accept_to_the_listener_s() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A child has a copy of every socket of this process, so each test has the process to itself.
    let _turn = for_exclusive_turn();
    let scenario = scenario::named("the client closes before accept()")?;
    let rows = trace_one(&[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE], scenario.run)?;
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
fn a_connection_that_a_thread_accepts_belongs_to_its_process() -> Result<()> {
    accepted_connection_belongs_to(|listener| {
        let server = std::thread::scope(|scope| {
            scope.spawn(|| listener.accept()).join().map_err(|_| anyhow::anyhow!("the thread panicked"))?
        })?;
        Ok(Holder::ThisProcess(server))
    })
}

#[test]
fn a_connection_that_a_child_accepts_belongs_to_the_child() -> Result<()> {
    accepted_connection_belongs_to(|listener| {
        Holder::child(|until_closed| {
            listener.accept().is_ok_and(|server| fd_passing::wait_for_end(until_closed, server))
        })
    })
}

#[test]
fn a_child_that_inherited_the_listener_owns_what_it_accepts_after_the_parent_closed_it() -> Result<()> {
    accepted_connection_belongs_to(|listener| {
        let holder = Holder::child(|until_closed| {
            // The connection is established only after the process that made the listener has closed it.
            listener.accept().is_ok_and(|server| fd_passing::wait_for_end(until_closed, server))
        })?;
        listener.close();
        Ok(holder)
    })
}

#[test]
fn a_connection_passed_by_scm_rights_belongs_to_the_receiver() -> Result<()> {
    accepted_connection_belongs_to(|listener| {
        let (rnetstat, theirs) = UnixStream::pair()?;
        let holder = Holder::child(|until_closed| {
            fd_passing::receive(&theirs).is_ok_and(|server| fd_passing::wait_for_end(until_closed, server))
        })?;
        fd_passing::send(&rnetstat, &listener.accept()?)?;
        Ok(holder)
    })
}

#[test]
fn after_the_process_that_accepted_exits_the_connection_belongs_to_the_one_that_still_has_it_open()
-> Result<()> {
    accepted_connection_belongs_to(|listener| {
        let (rnetstat, theirs) = UnixStream::pair()?;
        let holder = Holder::child(|until_closed| {
            fd_passing::receive(&theirs).is_ok_and(|server| fd_passing::wait_for_end(until_closed, server))
        })?;
        // It accepts, sends a copy to the other child, and exits.
        let first = Child::start(|| {
            listener.accept().is_ok_and(|server| fd_passing::send(&rnetstat, &server).is_ok())
        })?;
        first.wait()?;
        Ok(holder)
    })
}

#[test]
fn after_the_process_that_connected_exits_no_row_names_it_but_the_one_that_has_the_socket_open() -> Result<()>
{
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    for source in ["ebpf", "proc"] {
        let net = TestNet::new()?;
        let tracer = Tracer::start(&["--source", source, "--netns", &net.netns.inum()?.to_string()])?;
        let (rnetstat, theirs) = UnixStream::pair()?;
        let (servers, first, holder) = net.netns.run(|| {
            let listener = net.listener()?;
            let holder = Holder::child(|until_closed| {
                let clients = [(); PASSED_ON].map(|()| fd_passing::receive(&theirs));
                let mut pair = until_closed;
                pair.read(&mut [0]).is_ok_and(|read| read == 0) && clients.iter().all(Result::is_ok)
            })?;
            let server = net.addresses.server();
            // It connects, sends copies to the other child, and exits.
            let first = Child::start(|| {
                (0..PASSED_ON).all(|_| {
                    let client = Sock::tcp(server);
                    client.is_ok_and(|client| {
                        client.connect(server).is_ok() && fd_passing::send(&rnetstat, &client).is_ok()
                    })
                })
            })?;
            let servers = (0..PASSED_ON).map(|_| listener.accept()).collect::<Result<Vec<_>>>()?;
            let pid = first.pid();
            first.wait()?;
            Ok((servers, pid, holder))
        })?;
        let mut owner = None;
        for (index, server) in servers.into_iter().enumerate() {
            // The trace notices an owner's end within a second, and may pause before it looks the new one up.
            std::thread::sleep(AFTER_OWNER_LOOKUP);
            server.close();
            let fins = wait::until("the server's FIN is shown", || {
                let rows = rows_so_far(&tracer, &net)?;
                let fins: Vec<_> = rows.into_iter().filter(|row| row.new_state == "CLOSE_WAIT").collect();
                Ok((fins.len() > index).then_some(fins))
            })?;
            ensure!(fins.iter().all(|row| row.pid != Some(first)), "{source}: {first} has exited: {fins:#?}");
            owner = fins[index].pid;
            if owner.is_some() {
                break;
            }
        }
        ensure!(owner == Some(holder.pid()), "{source}: {owner:?} is not the owner");
        holder.close()?;
        tracer.stop()?;
    }
    Ok(())
}

/// How many connections a process passes on before it exits.
const PASSED_ON: usize = 8;

/// Later than a trace's second owner lookup of an accepted connection, on a slow machine too.
const AFTER_OWNER_LOOKUP: Duration = Duration::from_secs(2);

/// The process that has an accepted connection open until it is told to close it.
enum Holder {
    /// This process.
    ThisProcess(Sock),
    /// A child, which closes when this end of the pair is closed.
    Child(Child, UnixStream),
}

impl Holder {
    fn child(work: impl FnOnce(&UnixStream) -> bool) -> Result<Self> {
        let (rnetstat, theirs) = UnixStream::pair()?;
        let child = Child::start(|| {
            // The child's copy of our end would keep the pair open.
            fd_passing::close_copy(&rnetstat);
            work(&theirs)
        })?;
        Ok(Self::Child(child, rnetstat))
    }

    fn pid(&self) -> u32 {
        match self {
            Self::ThisProcess(_) => std::process::id(),
            Self::Child(child, _) => child.pid(),
        }
    }

    fn close(self) -> Result<()> {
        match self {
            Self::ThisProcess(server) => server.close(),
            Self::Child(child, pair) => {
                drop(pair);
                child.wait()?;
            }
        }
        Ok(())
    }
}

/// Checks that the owner is the process that `accept` names, while the connection is open and when it closes.
fn accepted_connection_belongs_to(accept: impl FnOnce(Sock) -> Result<Holder> + Send) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A child has a copy of every socket of this process, so each test has the process to itself.
    let _turn = for_exclusive_turn();
    let mut holder_pid = None;
    let rows = trace_one(&[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE], |net| {
        let listener = net.listener()?;
        let client = Sock::tcp(net.addresses.server())?;
        client.start_connect(net.addresses.server())?;
        let holder = accept(listener)?;
        holder_pid = Some(holder.pid());
        finds_owner(net, holder.pid())?;
        if matches!(holder, Holder::Child(..)) {
            // The socket may have been passed on after accept(): the trace looks the owner up again half a second
            // later.
            std::thread::sleep(AFTER_OWNER_LOOKUP);
        }
        holder.close()?;
        client.receive_fin()?;
        client.close();
        Ok(())
    })?;
    let owner = holder_pid.context("no process has accepted")?;
    let after_close = |row: &&Row| {
        row.direction == Some(Direction::Inbound) && matches!(row.new_state, "FIN_WAIT1" | "FIN_WAIT2")
    };
    ensure!(rows.iter().any(|row| after_close(&row)), "no row of the close: {rows:#?}");
    for row in rows.iter().filter(after_close) {
        ensure!(row.pid == Some(owner), "{owner} is the owner: {row:#?}");
    }
    Ok(())
}

/// A new trace shows the accepted connection with its owner.
fn finds_owner(net: &TestNet, owner: u32) -> Result<()> {
    let server = net.addresses.server();
    wait::until("the connection is accepted", || {
        let tracer = Tracer::start(&["--existing"])?;
        let found = wait::until("the server's end is shown", || {
            let accepted =
                |found: &Found| found.remote_port.is_some() && found.local_port == Some(server.port());
            Ok(existing_so_far(&tracer, net)?.into_iter().find(accepted))
        })?;
        tracer.stop()?;
        let is_owner = (found.pid, found.owner) == (Some(owner), Some(Owner::Scan));
        ensure!(is_owner || found.owner == Some(Owner::Listener), "{owner} is the owner: {found:#?}");
        Ok(is_owner.then_some(()))
    })
}

/// How many connections a server leaks: it accepts them, and doesn't close them when their client does.
const LEAKED: usize = 14;

/// A process that listens once it is told to, accepts [`LEAKED`] connections, and leaves them open until it is told to close.
struct LeakingServer {
    process: Holder,
    orders: UnixStream,
}

impl LeakingServer {
    fn start(net: &TestNet) -> Result<Self> {
        let (orders, theirs) = UnixStream::pair()?;
        let process = net.netns.run(|| {
            Holder::child(|until_closed| {
                let mut orders = &theirs;
                if orders.read_exact(&mut [0]).is_err() {
                    return false;
                }
                let Ok(listener) = net.listener() else { return false };
                if orders.write_all(&[0]).is_err() {
                    return false;
                }
                let leaked = [(); LEAKED].map(|()| listener.accept());
                let mut until_closed = until_closed;
                until_closed.read(&mut [0]).is_ok_and(|read| read == 0) && leaked.iter().all(Result::is_ok)
            })
        })?;
        Ok(Self { process, orders })
    }

    fn listen(&mut self) -> Result<()> {
        self.orders.write_all(&[0])?;
        Ok(self.orders.read_exact(&mut [0])?)
    }
}

/// Connections whose client closes at once.
fn clients_close(net: &TestNet) -> Result<()> {
    let server = net.addresses.server();
    net.netns.run(|| (0..LEAKED).try_for_each(|_| Sock::connected(server).map(Sock::close)))
}

#[test]
fn connections_that_a_server_leaks_keep_its_process_also_where_accept_is_not_seen() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let mut server = LeakingServer::start(&net)?;
    let (pid, netns) = (server.process.pid(), net.netns.inum()?.to_string());
    let process = pid.to_string();
    let tracers =
        [Tracer::start(&["--netns", &netns])?, Tracer::start(&["--netns", &netns, "--pid", &process])?];
    server.listen()?;
    clients_close(&net)?;
    for tracer in tracers {
        let leaked = wait::until("the leaked connections are shown", || {
            let rows = rows_so_far(&tracer, &net)?;
            let leaked: Vec<_> = rows.into_iter().filter(|row| row.new_state == "CLOSE_WAIT").collect();
            Ok((leaked.len() >= LEAKED).then_some(leaked))
        })?;
        let is_known = |row: &Row| matches!(row.owner, Some(Owner::Listener | Owner::Accept | Owner::Scan));
        ensure!(leaked.iter().all(|row| row.pid == Some(pid) && is_known(row)), "{pid}: {leaked:#?}");
        let trace = tracer.stop()?;
        ensure!(withheld(&trace.stderr)? == 0, "{}", trace.stderr);
    }
    server.process.close()
}

#[test]
fn rows_that_a_filter_withholds_because_their_process_is_not_known_are_counted() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let mut server = LeakingServer::start(&net)?;
    server.listen()?;
    let (pid, netns) = (server.process.pid(), net.netns.inum()?.to_string());
    // The trace has not seen who listens, and no snapshot tells it.
    let tracer = |more: &[&str]| -> Result<Tracer> {
        let mut command = tracer::command(&["--json", "--netns", &netns])?;
        seccomp::iterators_fail_with(command.args(more), libc::EPERM);
        Tracer::spawn(&mut command, Destination::Pipe)?.started()
    };
    let (all, of_server) = (tracer(&[])?, tracer(&["--pid", &pid.to_string()])?);
    clients_close(&net)?;
    let is_shown = |tracer: &Tracer| {
        let is_end = |row: &Row| row.direction == Some(Direction::Inbound) && row.new_state == "CLOSE";
        wait::until("the connections have ended", || {
            let ended = rows_so_far(tracer, &net)?.iter().filter(|row| is_end(row)).count();
            Ok((ended == LEAKED).then_some(()))
        })
    };
    server.process.close()?;
    is_shown(&all)?;
    let (all, of_server) = (all.stop()?, of_server.stop()?);
    let rows = all.events()?.rows;
    let unknown = rows.iter().filter(|row| row.pid.is_none()).count();
    ensure!(unknown >= LEAKED, "accept() comes after a connection is established: {rows:#?}");
    ensure!(withheld(&all.stderr)? == 0, "{}", all.stderr);
    // A row's process may be known to one trace just before it goes out, and to the other just after.
    let known = rows.iter().filter(|row| row.pid == Some(pid)).count();
    let (withheld, shown) = (withheld(&of_server.stderr)?, of_server.events()?.rows);
    ensure!(
        withheld >= LEAKED && withheld + shown.len() == unknown + known,
        "{unknown} are unknown: {withheld}"
    );
    ensure!(shown.iter().all(|row| row.pid == Some(pid)), "of {pid}: {shown:#?}");
    Ok(())
}

/// How many rows a trace has withheld because their process is not known, as stderr says.
fn withheld(stderr: &str) -> Result<usize> {
    let Some(line) = stderr.lines().find(|line| line.contains("their process is not known")) else {
        return Ok(0);
    };
    let number = line.split_whitespace().nth(1).context("no number")?;
    number.parse().with_context(|| format!("{line:?} has no number"))
}
