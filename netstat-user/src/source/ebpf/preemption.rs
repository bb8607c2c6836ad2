//! Whether a task may be preempted inside a tracepoint's programs.

/// The first release whose tracepoints run their programs with preemption: commit a46023d5616e, "tracing: Guard
/// __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast".
const SINCE: u32 = 7;

/// The verifier follows the programs from CPU to CPU, and gives up after 8,192 branches: beyond these CPUs nobody looks.
const MOST_CPUS: u32 = 1024;

/// How many CPUs there may be on a host where it may be so; 0 elsewhere.
pub fn cpus(release: &str) -> u32 {
    let major = release.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < SINCE) {
        return 0;
    }
    // Where they can't be counted one is enough to be on the safe side.
    let cpus = aya::util::nr_cpus().ok().and_then(|cpus| u32::try_from(cpus).ok());
    cpus.unwrap_or(1).min(MOST_CPUS)
}

#[cfg(test)]
mod tests {
    use super::cpus;

    #[test]
    fn tasks_are_preempted_from_7_0_on() {
        assert!(cpus("7.0.0-rc1") > 0 && cpus("7.2.13+deb14-cloud-amd64") > 0 && cpus("10.1") > 0);
        assert_eq!([cpus("5.10.0-32-cloud-amd64"), cpus("6.18.5"), cpus("")], [0; 3]);
    }
}
