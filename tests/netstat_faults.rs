//! rnetstat when the kernel's answer over netlink fails: at its beginning, in the middle, or malformed. strace(1) writes
//! the answer.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child,
    netns::{Namespace, ip, ip_bytes, veth_pair},
    netstat::rnetstat,
    sample_sockets::at,
    skip,
    sock::Sock,
};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

/// `struct nlmsghdr` (length, type, flags, sequence number, port) and a payload, as hexadecimal digits: little-endian, as
/// on every machine that runs these tests.
fn message(kind: u16, flags: u16, payload: &[u8]) -> String {
    let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(payload);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_MULTI: u16 = 2;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// What replaces the kernel's datagram.
fn failures() -> Vec<String> {
    let error = |errno: i32| [(-errno).to_ne_bytes().as_slice(), &[0; 16]].concat();
    let mut failures: Vec<_> = [
        message(NLMSG_DONE, NLM_F_MULTI, &(-libc::ENOENT).to_ne_bytes()),
        message(NLMSG_DONE, NLM_F_MULTI, &(-libc::ENOMEM).to_ne_bytes()),
        message(NLMSG_DONE, NLM_F_MULTI, &[]),
        message(NLMSG_ERROR, 0, &error(libc::EPERM)),
        message(NLMSG_ERROR, 0, &error(0)),
        message(NLMSG_ERROR, 0, &[0; 2]),
        message(0x4242, NLM_F_MULTI, &[0; 80]),
        "ff".repeat(32),
        "00".repeat(32),
    ]
    .map(|bytes| format!("retval={}:poke_exit=@arg2={bytes}", bytes.len() / 2))
    .to_vec();
    failures.extend(["retval=0", "retval=1000000", "error=ENOBUFS", "error=EPERM"].map(str::to_owned));
    failures
}

/// Runs rnetstat with an answer changed. `when` is strace's expression for which calls.
fn with_fault(arguments: &[&str], fault: &str, when: &str) -> Result<Output> {
    let inject = format!("inject=recvfrom:{fault}:when={when}");
    under_strace(arguments, &["-e", "trace=recvfrom", "-e", &inject])
}

/// Runs rnetstat under strace(1) with these options.
fn under_strace(arguments: &[&str], options: &[&str]) -> Result<Output> {
    let rnetstat = rnetstat(arguments)?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null"]).args(options);
    strace.arg(rnetstat.get_program()).args(rnetstat.get_args()).env("LC_ALL", "C.UTF-8");
    child::output(&mut strace)
}

/// A namespace with sockets, links and routes, none of which changes.
fn scene<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let netns = Namespace::new()?;
    // Otherwise the kernel adds addresses and routes to the links when it likes.
    netns.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
    netns.run(|| {
        veth_pair(b"d0", b"d1")?;
        ip("addr add 10.1.0.1/24 dev d0")?;
        ip("route add 20.0.0.0/8 via 10.1.0.2")?;
        ip("-6 route add blackhole 2001:db8::/32")?;
        let _listener = Sock::listening(at("127.0.0.1", 8080)?, 8)?;
        let _unix = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        work()
    })
}

#[test]
fn a_table_whose_dump_fails_is_read_from_proc() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for arguments in [
            &["-ant"][..],
            &["-anx"],
            &["-rn"],
            &["-rn6"],
            &["-lnt", "--summary"],
            &["explain", "--color", "never"],
            &["-ant", "--port", "8080"],
        ] {
            // A child that another test forks holds the listener for a moment, so that owners are not compared.
            let shown = |stdout: Vec<u8>| -> Result<String> {
                let text = String::from_utf8(stdout)?;
                Ok(text.split("\n\n  Count PID/").next().unwrap_or_default().to_owned())
            };
            let expected = shown(rnetstat(arguments)?.output()?.stdout)?;
            for fault in failures() {
                let output = with_fault(arguments, &fault, "1+")?;
                ensure!(output.status.success(), "{arguments:?} with {fault}: {output:?}");
                let stdout = shown(output.stdout)?;
                ensure!(stdout == expected, "{arguments:?} with {fault}: {stdout}");
            }
        }
        Ok(())
    })
}

#[test]
fn json_says_what_is_not_known_where_a_dump_fails() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for (arguments, unknown) in [
            (&["-lnt"][..], "\"queue_max\":null"),
            (&["-anx"], "\"source\":\"proc\""),
            (&["-rn"], "\"next_hops\":null"),
            (&["-rn6"], "\"next_hops\":null"),
        ] {
            let arguments = [arguments, &["--json"]].concat();
            let rows = |stdout: &[u8]| stdout.iter().filter(|byte| **byte == b'\n').count();
            let expected = rows(&rnetstat(&arguments)?.output()?.stdout);
            for fault in failures() {
                let output = with_fault(&arguments, &fault, "1+")?;
                let stderr = String::from_utf8_lossy(&output.stderr);
                ensure!(
                    output.status.success() && rows(&output.stdout) == expected,
                    "{arguments:?}: {output:?}"
                );
                let text = String::from_utf8(output.stdout)?;
                ensure!(
                    text.lines().all(|line| line.contains(unknown)),
                    "{arguments:?} with {fault}: {text}"
                );
                ensure!(stderr.lines().count() == 1, "{arguments:?} with {fault}: {stderr}");
            }
        }
        Ok(())
    })
}

#[test]
fn where_sock_diag_fails_stderr_says_that_bound_sockets_are_not_listed() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for flags in ["-ant", "-ante"] {
            let output = with_fault(&[flags, "--port", "9999"], "error=EPERM", "1+")?;
            let stderr = String::from_utf8(output.stderr)?;
            ensure!(output.status.success() && stderr.lines().count() == 1, "{flags}: {stderr}");
            ensure!(stderr.contains("only bound"), "{flags}: {stderr}");
        }
        Ok(())
    })
}

/// The names of interfaces may be any bytes in the tables of /proc too.
#[test]
fn the_routes_of_proc_have_names_of_any_bytes() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        veth_pair(b"ab\xffcd", "eth0\u{2003}A".as_bytes())?;
        ip_bytes(&[b"addr", b"add", b"11.0.0.2/24", b"dev", "eth0\u{2003}A".as_bytes()])?;
        ip_bytes(&[b"addr", b"add", b"12.0.0.2/24", b"dev", b"ab\xffcd"])?;
        ip("route add default via 11.0.0.1")?;
        for flags in ["-rn", "-rne"] {
            let expected = rnetstat(&[flags])?.output()?.stdout;
            let output = with_fault(&[flags], "error=EPERM", "1+")?;
            ensure!(output.status.success() && output.stdout == expected, "{flags}: {output:?}");
            ensure!(expected.iter().filter(|byte| **byte == b'\n').count() == 5, "{flags}: {output:?}");
        }
        Ok(())
    })
}

#[test]
fn without_another_source_a_failed_dump_is_exit_code_1_and_one_line() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for fault in failures() {
            // The first datagram, and one in the middle.
            for when in ["1+", "2+"] {
                let output = with_fault(&["-i"], &fault, when)?;
                let stderr = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.code() == Some(1) && output.stdout.is_empty(), "{fault}: {output:?}");
                ensure!(stderr.lines().count() == 1 && stderr.contains("interfaces"), "{fault}: {stderr}");
            }
        }
        Ok(())
    })
}

#[test]
fn an_error_in_the_middle_of_a_dump_loses_no_row() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for arguments in [&["-ant"][..], &["-anx"], &["-rn"]] {
            let expected = rnetstat(arguments)?.output()?.stdout;
            for fault in failures() {
                let output = with_fault(arguments, &fault, "2+")?;
                ensure!(
                    output.status.success() && output.stdout == expected,
                    "{arguments:?} {fault}: {output:?}"
                );
            }
        }
        Ok(())
    })
}

#[test]
fn an_interrupted_dump_is_asked_for_again_and_one_that_stays_so_is_reported() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    let interrupted = message(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, &0_i32.to_ne_bytes());
    let fault = format!("poke_exit=@arg2={interrupted}");
    scene(|| {
        for arguments in [&["-i"][..], &["-rn"], &["-ant"], &["-anx"]] {
            let expected = rnetstat(arguments)?.output()?.stdout;
            let once = with_fault(arguments, &fault, "2")?;
            ensure!(once.status.success() && once.stderr.is_empty(), "{arguments:?}: {once:?}");
            if arguments == ["-i"] {
                // Its counters may change, and it has more datagrams than two.
                let names = |stdout: &[u8]| -> Vec<String> {
                    let text = String::from_utf8_lossy(stdout);
                    text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
                };
                ensure!(names(&once.stdout) == names(&expected), "{once:?}");
                continue;
            }
            ensure!(once.stdout == expected, "{arguments:?}: {once:?}");
            // The second datagram of these short dumps is their end, so that the table is whole. The names of interfaces,
            // which are in more datagrams, may be missing.
            let always = with_fault(arguments, &fault, "2+2")?;
            let stderr = String::from_utf8(always.stderr).context("stderr")?;
            let is_whole = always.stdout == expected || (arguments == ["-rn"] && !always.stdout.is_empty());
            ensure!(always.status.success() && is_whole, "{arguments:?}: {stderr}");
            ensure!(stderr.lines().count() == 1 && stderr.contains("changed"), "{arguments:?}: {stderr}");
        }
        Ok(())
    })
}

#[test]
fn a_namespace_whose_sockets_can_t_be_listed_is_named() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    let other = Namespace::new()?;
    scene(|| {
        let ended = message(NLMSG_DONE, NLM_F_MULTI, &(-libc::ENOENT).to_ne_bytes());
        let fault = format!("retval=20:poke_exit=@arg2={ended}");
        let output = with_fault(&["-lnt", "--all-netns"], &fault, "1+")?;
        ensure!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout)?;
        ensure!(text.contains("127.0.0.1:8080"), "{text}");
        Ok(())
    })?;
    drop(other);
    Ok(())
}

#[test]
fn where_unix_diag_fails_a_row_that_a_name_may_have_made_up_is_marked() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        let victim = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        let number = rustix::fs::fstat(&victim)?.st_ino;
        let forger = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        let name =
            format!("z\n0000000000000000: 00000002 00000000 00010000 0001 01 {number} /run/docker.sock");
        rustix::net::bind(&forger, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        let output = with_fault(&["-anxp"], "error=EPERM", "1+")?;
        let (text, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success(), "{stderr}");
        let forged: Vec<_> = text.lines().filter(|line| line.contains("docker.sock")).collect();
        ensure!(forged.len() == 1 && forged[0].ends_with("/run/docker.sock (may be forged)"), "{text}");
        let genuine: Vec<_> = text.lines().filter(|line| line.ends_with(" @z")).collect();
        ensure!(genuine.len() == 1, "the first name can't be forged: {text}");
        ensure!(stderr.contains("can imitate another socket"), "{stderr}");
        let undisturbed = rnetstat(&["-anxp"])?.output()?;
        // A kernel without unix_diag has always something on stderr.
        let has_mark = String::from_utf8(undisturbed.stdout)?.contains("forged");
        ensure!(!undisturbed.stderr.is_empty() || !has_mark, "unix_diag needs no mark");
        Ok(())
    })
}

#[test]
fn counters_that_can_t_be_read_are_named() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    let failing = ["-P", "/proc/thread-self/net/netstat", "-e", "inject=openat:error=EACCES"];
    for (arguments, group) in [(&["-s"][..], "Tcp:"), (&["-s", "--json"], "\"group\":\"Tcp\"")] {
        let output = under_strace(arguments, &failing)?;
        let (text, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success() && text.contains(group), "{arguments:?}: {text}{stderr}");
        // strace(1) may say something, too.
        let note = "rnetstat: counters are missing: can't read /proc/thread-self/net/netstat";
        ensure!(stderr.matches(note).count() == 1, "{arguments:?}: {stderr}");
    }
    Ok(())
}

#[test]
fn a_limit_of_open_files_that_is_reached_is_named() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    for (arguments, options) in [
        (&["-ant"][..], &["-P", "/proc/thread-self/ns/net", "-e", "inject=openat:error=EMFILE"][..]),
        (&["-antc"], &["-e", "trace=epoll_create1", "-e", "inject=epoll_create1:error=EMFILE"]),
        (&["-i"], &["-e", "trace=socket", "-e", "inject=socket:error=EMFILE"]),
    ] {
        let output = under_strace(arguments, options)?;
        let stderr = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        ensure!(
            stderr.starts_with("rnetstat: can't ") && stderr.contains("ulimit -n"),
            "{arguments:?}: {stderr}"
        );
        ensure!(!stderr.contains("mounted"), "{arguments:?}: {stderr}");
    }
    Ok(())
}

#[test]
fn where_no_thread_can_be_started_owners_are_found_nevertheless() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    scene(|| {
        for arguments in [&["-lntp"][..], &["-lntp", "--json"], &["-lt", "--summary"]] {
            let failing = ["-e", "trace=clone,clone3", "-e", "inject=clone,clone3:error=EAGAIN"];
            let output = under_strace(arguments, &failing)?;
            let (text, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
            ensure!(output.status.success(), "{arguments:?}: {stderr}");
            let pid = std::process::id().to_string();
            ensure!(text.contains(&pid), "{arguments:?}: {text}{stderr}");
        }
        Ok(())
    })
}
