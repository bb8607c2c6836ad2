//! Many established connections that carry nothing, held by as many processes as the limit of open files requires.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::netns::Namespace;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::load;

/// The hidden subcommand of xtask that each process of [`IdleConnections`] runs.
const SUBCOMMAND: &str = "hold";
/// The line that a process prints when its connections are established.
const ESTABLISHED: &str = "established";
/// The sockets of one process: fewer than the usual hard limit of open files, and than the ports of an address.
const SOCKETS_PER_PROCESS: usize = 10_000;

/// The processes that hold the connections. Dropping the value ends them.
pub struct IdleConnections(Vec<Child>);

impl IdleConnections {
    /// Opens this many sockets in the namespace. Two of them are one connection, both in the same process.
    pub fn open(namespace: &Namespace, sockets: usize) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut holders = Self(Vec::new());
        for number in 0..sockets.div_ceil(SOCKETS_PER_PROCESS) {
            let count = SOCKETS_PER_PROCESS.min(sockets - number * SOCKETS_PER_PROCESS);
            let child = namespace.run(|| {
                let mut command = Command::new(&program);
                command.args([SUBCOMMAND, &number.to_string(), &(count / 2).to_string()]);
                Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
            })?;
            holders.0.push(child);
        }
        for child in &mut holders.0 {
            let mut line = String::new();
            BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
            ensure!(line.trim() == ESTABLISHED, "a process could not open its connections");
        }
        Ok(holders)
    }
}

impl Drop for IdleConnections {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // The process ends at the end of its stdin. The signal ends one that hangs; it fails if there is none left.
            drop(child.stdin.take());
            let _already_ended = child.kill();
            let _already_ended = child.wait();
        }
    }
}

/// Opens the connections at the port with this number, reports that, and holds them until stdin ends.
pub fn hold(port_number: usize, connections: usize) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    let pairs = load::pairs(port_number, connections)?;
    println!("{ESTABLISHED}");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(pairs);
    Ok(())
}
