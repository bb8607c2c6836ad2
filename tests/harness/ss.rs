//! iproute2's `ss` in the calling thread's network namespace: lists sockets and ends connections.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{child, state::State};

/// A socket, as `ss` lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// Its state, by netstat's name.
    pub state: State,
    /// The local endpoint.
    pub local: SocketAddr,
    /// The remote endpoint; None for a listener.
    pub remote: Option<SocketAddr>,
    /// The processes that have it open. Empty unless `ss` lists them.
    pub pids: BTreeSet<u32>,
}

/// `ss -tan`.
pub fn all() -> Result<Vec<Socket>> {
    list("-Htan")
}

/// `ss -tanp`.
pub fn all_with_pids() -> Result<Vec<Socket>> {
    list("-Htanp")
}

/// `ss -K`: ends the one connection with this tuple.
pub fn kill(local: SocketAddr, remote: SocketAddr) -> Result<()> {
    let (src, sport) = (local.ip().to_string(), format!(":{}", local.port()));
    let (dst, dport) = (remote.ip().to_string(), format!(":{}", remote.port()));
    // Without `state all` it would leave out half-open connections.
    let filter =
        ["-HKtn", "state", "all", "src", &src, "sport", "=", &sport, "dst", &dst, "dport", "=", &dport];
    let killed = run(&filter)?;
    ensure!(killed.lines().count() == 1, "ss -K ended not one connection but: {killed:?}");
    Ok(())
}

fn list(flags: &str) -> Result<Vec<Socket>> {
    run(&[flags])?
        .lines()
        // A socket that has already closed, but is still in the kernel's table.
        .filter(|line| !line.starts_with("UNCONN"))
        .map(|line| parse(line).with_context(|| format!("ss {flags} printed {line:?}")))
        .collect()
}

fn run(arguments: &[&str]) -> Result<String> {
    let output = child::output(Command::new("ss").args(arguments)).context("running ss (iproute2)")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ss {arguments:?}: {}", stderr.trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// `State Recv-Q Send-Q Local Peer [users:((\"comm\",pid=1,fd=2),…)]`
fn parse(line: &str) -> Result<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let state = state(fields.next().context("no state")?)?;
    let local =
        endpoint(fields.nth(2).context("no local endpoint")?)?.context("a local endpoint without a port")?;
    let remote = endpoint(fields.next().context("no remote endpoint")?)?;
    let users = fields.next().unwrap_or_default();
    let pids = users.split("pid=").skip(1).map(|checkpoint| {
        let digits = checkpoint.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().with_context(|| format!("no pid: {checkpoint}"))
    });
    Ok(Socket { state, local, remote, pids: pids.collect::<Result<_>>()? })
}

fn state(word: &str) -> Result<State> {
    Ok(match word {
        "LISTEN" => "LISTEN",
        "SYN-SENT" => "SYN_SENT",
        "SYN-RECV" => "SYN_RECV",
        "ESTAB" => "ESTABLISHED",
        "FIN-WAIT-1" => "FIN_WAIT1",
        "FIN-WAIT-2" => "FIN_WAIT2",
        "TIME-WAIT" => "TIME_WAIT",
        "CLOSE-WAIT" => "CLOSE_WAIT",
        "LAST-ACK" => "LAST_ACK",
        "CLOSING" => "CLOSING",
        other => bail!("{other:?} is no state of ss"),
    })
}

/// `127.0.0.1:80`, `[::1]:80`, `*:80` or `0.0.0.0:*`; IPv4-mapped addresses become IPv4. None without a port.
fn endpoint(text: &str) -> Result<Option<SocketAddr>> {
    let (addr, port) = text.rsplit_once(':').context("no port")?;
    if port == "*" {
        return Ok(None);
    }
    let addr = match addr.trim_matches(['[', ']']).split('%').next().unwrap_or_default() {
        "*" => IpAddr::from([0; 16]),
        addr => addr.parse().with_context(|| format!("no address: {addr}"))?,
    };
    Ok(Some(SocketAddr::new(addr.to_canonical(), port.parse()?)))
}
