//! Many established connections, held by as many processes as the limit of open files asks for.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::netns::Namespace;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::load;

/// The hidden chore that [`Crowd`] runs in each of its processes.
pub const CHORE: &str = "hold";

/// Sockets a process: below the usual hard limit of open files, and below the ports of one address.
const SOCKETS: usize = 10_000;

/// The processes. They end with this value.
pub struct Crowd(Vec<Child>);

impl Crowd {
    /// As many sockets in the namespace, two a connection, each connection held by one process.
    pub fn gather(namespace: &Namespace, sockets: usize) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut crowd = Self(Vec::new());
        for number in 0..sockets.div_ceil(SOCKETS) {
            let count = SOCKETS.min(sockets - number * SOCKETS);
            let child = namespace.run(|| {
                let mut command = Command::new(&program);
                command.args([CHORE, &number.to_string(), &(count / 2).to_string()]);
                Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
            })?;
            crowd.0.push(child);
        }
        for child in &mut crowd.0 {
            let mut line = String::new();
            BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
            ensure!(line.trim() == "held", "a holder of connections failed");
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It ends when its stdin does; the signal is for one that hangs.
            drop(child.stdin.take());
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes the connections, says so, and holds them until stdin ends.
pub fn hold(number: usize, connections: usize) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    let pairs = load::pairs(number, connections)?;
    println!("held");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(pairs);
    Ok(())
}
