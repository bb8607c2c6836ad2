//! The kernel's release and machine from uname(2), and what follows from the release.

/// The first release whose tracepoints run their programs with preemption enabled (commit a46023d5616e, "tracing: Guard
/// __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast").
const FIRST_PREEMPTIBLE: u32 = 7;

/// The verifier follows the programs from CPU to CPU and gives up after 8,192 branches, so the programs check no more
/// CPUs than these.
const MAX_CPUS: u32 = 1024;

/// The release (`6.12.38-amd64`) and the machine (`x86_64`).
pub fn kernel() -> (String, String) {
    let name = rustix::system::uname();
    (name.release().to_string_lossy().into_owned(), name.machine().to_string_lossy().into_owned())
}

/// The number of possible CPUs where this kernel can preempt a task inside a tracepoint's programs, else 0.
pub fn preemptible_cpus() -> u32 {
    if !is_preemptible(&kernel().0) {
        return 0;
    }
    // If they can't be counted, 1 still keeps the programs on the safe side.
    let cpus = aya::util::nr_cpus().ok().and_then(|cpus| u32::try_from(cpus).ok());
    cpus.unwrap_or(1).min(MAX_CPUS)
}

fn is_preemptible(release: &str) -> bool {
    let major = release.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= FIRST_PREEMPTIBLE)
}

#[cfg(test)]
mod tests {
    use super::is_preemptible;

    #[test]
    fn tracepoint_programs_are_preemptible_from_7_0_on() {
        for release in ["7.0.0-rc1", "7.2.13+deb14-cloud-amd64", "10.1"] {
            assert!(is_preemptible(release), "{release}");
        }
        for release in ["5.10.0-32-cloud-amd64", "6.18.5", ""] {
            assert!(!is_preemptible(release), "{release}");
        }
    }
}
