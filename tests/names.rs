//! Names of processes and cgroups, which are bytes: the same text in both programs and all sources, without loss, and
//! what is shown can be given to a filter.

#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    ffi::{CString, OsStr, OsString},
    io::PipeWriter,
    os::{
        fd::AsRawFd as _,
        unix::{ffi::OsStrExt as _, process::CommandExt as _},
    },
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use netstat_events::text;
use netstat_tests::{
    child::Child,
    event::Event,
    mounts,
    netstat::rnetstat,
    output::Destination,
    process::Process,
    scenario::TestNet,
    skip,
    sock::Sock,
    state_path::{existing_so_far, wait_for_rows},
    tracer::{self, Tracer},
    wait::{self, for_exclusive_turn},
};
use serde_json::Value;

/// Names of at most 15 bytes: UTF-8, cut UTF-8, other bytes, what looks like them, and what could harm a format.
const NAMES: [&[u8]; 16] = [
    b"plain",
    "서버".as_bytes(),
    "Käse".as_bytes(),
    b"aa\xec\x9b\xb9\xec\x84\x9c\xeb\xb2\x84\xec\x9b\xb9\xec",
    b"x\xffy",
    b"x\xfey",
    b"x\\xffy",
    b"x\\xfey",
    b"back\\slash",
    b"two\\\\",
    b"\x1b[31mred\x07",
    b"a,b",
    b"=1+1",
    b"\"quoted\"",
    b"\xee\xbf\xbf",
    b"\xc2\x85\xe2\x80\x83",
];

#[test]
fn a_name_has_one_text_in_both_programs_and_all_sources_and_every_filter_takes_it() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let holders = NAMES.iter().map(|name| Holder::named(&net, name)).collect::<Result<Vec<_>>>()?;
    let texts: Vec<String> = NAMES.iter().map(|name| text::from_bytes(name).into_owned()).collect();
    let expected: BTreeMap<u32, &String> =
        holders.iter().map(|holder| holder.child.pid()).zip(&texts).collect();

    let listed = names_in(&net, &[])?;
    for (pid, text) in &expected {
        ensure!(listed.get(pid) == Some(*text), "rnetstat: {:?}, not {text:?}", listed.get(pid));
    }
    for source in ["ebpf", "proc"] {
        let traced = names_in_trace(&net, source, &[], holders.len())?;
        for (pid, text) in &expected {
            ensure!(traced.get(pid) == Some(*text), "{source}: {:?}, not {text:?}", traced.get(pid));
        }
    }
    for (name, (holder, text)) in NAMES.iter().zip(holders.iter().zip(&texts)) {
        let only = BTreeMap::from([(holder.child.pid(), text.clone())]);
        // Bytes that are one of the private characters would be taken for the byte that it stands for.
        let arguments = [
            OsStr::new(text),
            if str::from_utf8(name).is_ok() { OsStr::new(text) } else { OsStr::from_bytes(name) },
        ];
        for argument in arguments {
            let comm = [OsStr::new("--comm"), argument];
            ensure!(names_in(&net, &comm)? == only, "rnetstat --comm {argument:?}");
            ensure!(names_in_trace(&net, "proc", &comm, 1)? == only, "--comm {argument:?}");
        }
    }
    Ok(())
}

#[test]
fn a_program_s_name_is_shown_in_utf_8_and_found_as_it_is_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    // The first argument, what people see, and the text in JSON. The kernel's name is that of the program.
    for (argument, shown, text) in [
        (&b"/opt/\xec\x84\x9c\xeb\xb2\x84"[..], "서버", "서버"),
        ("Käse".as_bytes(), "Käse", "Käse"),
        (b"x\xffy", "x\\xffy", "x\u{efff}y"),
        (b"x\\xffy", "x\\x5cxffy", "x\\xffy"),
        (b"\x1b[2Jred", "\\x1b[2Jred", "\u{1b}[2Jred"),
        (b"\xe2\x80\xaegpj", "\\u{202e}gpj", "\u{202e}gpj"),
        (b"python3", "python3", "python3"),
        (b"", "ip", "ip"),
    ] {
        let program = Program::named(&net, argument)?;
        let pid = program.process.id();
        let table = run(&net, rnetstat(&["-lntpW"])?)?;
        let cell = format!(" {pid}/{shown} ");
        ensure!(table.contains(&cell), "{argument:?}: no {cell:?} in {table}");
        ensure!(!table.chars().any(|c| c.is_control() && c != '\n'), "{argument:?}: {table:?}");
        let narrow = run(&net, rnetstat(&["-lntp"])?)?;
        ensure!(narrow.contains(&cell), "{argument:?}: no {cell:?} in {narrow}");
        for name in [text, "ip"] {
            let mut command = rnetstat(&["-lntp", "--json"])?;
            command.args(["--comm", name]);
            let found: Vec<Value> = lines(&run(&net, command)?)?;
            ensure!(found.len() == 1, "{argument:?} is not found by {name:?}: {found:?}");
            let owner = &found[0]["owners"][0];
            ensure!(owner["program"] == text && owner["comm"] == "ip", "{argument:?}: {owner}");
        }
    }
    Ok(())
}

#[test]
fn an_empty_name_is_unknown_and_never_an_empty_text() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let holder = Holder::named(&net, b"")?;
    let pid = holder.child.pid();
    let listed = lines(&run(&net, rnetstat(&["-lntp", "--json"])?)?)?;
    let owner = &listed.first().context("no socket")?["owners"][0];
    ensure!(owner["pid"] == pid && owner["comm"].is_null(), "{owner}");
    ensure!(owner["program"].as_str().is_some_and(|program| !program.is_empty()), "{owner}");
    for source in ["ebpf", "proc"] {
        let tracer = start(&net, source, &[])?;
        let found = wait::until("the listener is shown", || Ok(existing_so_far(&tracer, &net)?.pop()))?;
        ensure!(found.pid == Some(pid) && found.comm.is_none(), "{source}: {found:?}");
        tracer.stop()?;
    }
    Ok(())
}

#[test]
fn cgroups_are_found_below_a_mount_point_and_in_directories_of_any_name() -> Result<()> {
    let hierarchy = cgroup_mount()?;
    if skip::without_root() || skip::without("a mounted cgroup v2 hierarchy", hierarchy.is_some()) {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let hierarchy = hierarchy.context("just checked")?;
    let point = Directory::new(std::env::temp_dir().join(OsStr::from_bytes(
        &[b"rnetstat-m\xffnt\\040\t-".as_slice(), std::process::id().to_string().as_bytes()].concat(),
    )))?;
    let name = [b"rnetstat-\xff,\\x2d=-".as_slice(), std::process::id().to_string().as_bytes()].concat();
    let created = Directory::new(hierarchy.join(OsStr::from_bytes(&name)));
    if skip::without("the right to create a cgroup", created.is_ok()) {
        return Ok(());
    }
    let cgroup = created?;
    let path = text::from_bytes(&[b"/", &name[..]].concat()).into_owned();
    for argument in [OsString::from(&path), OsStr::from_bytes(&[b"/", &name[..]].concat()).to_owned()] {
        let mut command = tracer::command(&["--json", "--addr", &net.addresses.server().ip().to_string()])?;
        command.arg("--cgroup").arg(argument);
        mounts::cgroups_only_at(&mut command, CString::new(point.0.as_os_str().as_bytes())?);
        let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
        if skip::without_fact("cgroups", &tracer.start_event()?) {
            return Ok(());
        }
        let pid = std::process::id().to_string();
        let before = own_cgroup(&hierarchy)?;
        std::fs::write(cgroup.0.join("cgroup.procs"), &pid)?;
        let done = net.netns.run(|| net.pair()?.client_closes());
        std::fs::write(before.join("cgroup.procs"), &pid)?;
        done?;
        wait_for_rows(&tracer, &net, 2)?;
        for row in tracer.stop()?.rows()? {
            ensure!(row.cgroup.as_deref() == Some(path.as_str()), "{:?}, not {path:?}", row.cgroup);
        }
    }
    Ok(())
}

/// A child of this process with a name and a listener that no other process holds.
struct Holder {
    child: Child,
    _ends_when_dropped: PipeWriter,
}

impl Holder {
    fn named(net: &TestNet, name: &[u8]) -> Result<Self> {
        let name = CString::new(name)?;
        let listener = net.netns.run(|| {
            let mut at = net.addresses.server();
            at.set_port(0);
            Sock::listening(at, 8)
        })?;
        let (reader, writer) = std::io::pipe()?;
        let write_end = writer.as_raw_fd();
        let child = Child::start(|| {
            // SAFETY: the child has its own copy of the descriptor, which nothing else in the child uses.
            unsafe { libc::close(write_end) };
            rustix::thread::set_name(&name).is_ok() && rustix::io::read(&reader, &mut [0; 1]) == Ok(0)
        })?;
        listener.close();
        let named = || {
            let comm = std::fs::read(format!("/proc/{}/comm", child.pid()))?;
            Ok((comm.strip_suffix(b"\n") == Some(name.as_bytes())).then_some(()))
        };
        wait::until("the child has its name", named)?;
        Ok(Self { child, _ends_when_dropped: writer })
    }
}

/// A program that waits, with a first argument of its own and a listener that no other process holds.
struct Program {
    process: Process,
}

impl Program {
    fn named(net: &TestNet, argument: &[u8]) -> Result<Self> {
        let process = net.netns.run(|| {
            let listener = Sock::listening(net.addresses.server(), 8)?;
            let fd = listener.fd().as_raw_fd();
            let mut command = Command::new("ip");
            command.arg0(OsStr::from_bytes(argument)).args(["monitor", "link"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let inherit = move || {
                // SAFETY: the descriptor is the listener's, which stays open until the child has been created.
                let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
                Ok(rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?)
            };
            // SAFETY: the closure makes only a system call, as required between fork and exec.
            let child = unsafe { command.pre_exec(inherit) }.spawn().context("running ip (iproute2)")?;
            listener.close();
            Ok(Process::new(child))
        })?;
        Ok(Self { process })
    }
}

/// A directory, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(path: PathBuf) -> Result<Self> {
        std::fs::create_dir(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory that can't be removed stays.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The names of the listeners' holders, as `rnetstat --json` shows them.
fn names_in(net: &TestNet, arguments: &[&OsStr]) -> Result<BTreeMap<u32, String>> {
    let mut command = rnetstat(&["-lntp", "--json"])?;
    command.args(arguments);
    let mut names = BTreeMap::new();
    for line in lines(&run(net, command)?)? {
        let owner = &line["owners"][0];
        let pid = u32::try_from(owner["pid"].as_u64().context("no pid")?)?;
        names.insert(pid, owner["comm"].as_str().context("no comm")?.to_owned());
    }
    Ok(names)
}

/// The names of the listeners' holders, as `rnetstat-trace --existing` shows them: at least `count`.
fn names_in_trace(
    net: &TestNet,
    source: &str,
    arguments: &[&OsStr],
    count: usize,
) -> Result<BTreeMap<u32, String>> {
    let tracer = start(net, source, arguments)?;
    wait::until(&format!("{count} listeners are shown"), || {
        Ok((existing_so_far(&tracer, net)?.len() >= count).then_some(()))
    })?;
    let mut names = BTreeMap::new();
    for line in tracer.stop()?.stdout.lines() {
        if let Event::Existing(found) = Event::parse(line)?
            && found.new_state == "LISTEN"
        {
            names.insert(found.pid.context("no pid")?, found.comm.clone().context("no comm")?.into_owned());
        }
    }
    Ok(names)
}

fn start(net: &TestNet, source: &str, arguments: &[&OsStr]) -> Result<Tracer> {
    let netns = net.netns.inum()?.to_string();
    let mut command = tracer::command(&["--json", "--existing", "--source", source, "--netns", &netns])?;
    Tracer::spawn(command.args(arguments), Destination::Pipe)?.started()
}

/// Runs a command in the network's namespace, and returns its stdout.
fn run(net: &TestNet, mut command: Command) -> Result<String> {
    net.netns.run(|| netstat_tests::netstat::text(&mut command))
}

fn lines(text: &str) -> Result<Vec<Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Where the cgroup2 hierarchy is mounted.
fn cgroup_mount() -> Result<Option<PathBuf>> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    Ok(mounts.find(|mount| mount.get(2) == Some(&"cgroup2")).map(|mount| mount[1].into()))
}

/// The directory of this process's cgroup.
fn own_cgroup(hierarchy: &std::path::Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/cgroup")?;
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::/")) else {
        bail!("no cgroup v2 in {text}")
    };
    Ok(hierarchy.join(path))
}
