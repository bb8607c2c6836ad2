//! `cargo xtask kernels`: the integration tests on real kernels of several ages, in emulated guests.

pub mod guest;
pub mod modules;
pub mod packages;
pub mod qemu;
mod suite;
mod table;

use std::fs;
use std::iter;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::guest::Guest;
use self::packages::{Archive, Kernel, SUITES};
use self::qemu::{GuestRun, X86_64};
use self::suite::Extent;
use self::table::Line;
use crate::{cargo, test, workspace};

/// The longest time that a guest may take.
const LIMIT: Duration = Duration::from_secs(40 * 60);

#[derive(clap::Args)]
pub struct Args {
    /// Only kernels whose version begins with this, like 6.1; may be repeated
    #[arg(long)]
    kernel: Vec<String>,
    /// Keep the guests' files and logs in the target directory
    #[arg(long)]
    keep: bool,
    /// Only the tests of transitions, on the oldest and the newest kernel
    #[arg(long, conflicts_with = "kernel")]
    quick: bool,
    /// How many guests run at once; each has two processors
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: NonZero<usize>,
    /// How often a test may run until it passes, because an emulated processor is slow
    #[arg(long, value_name = "N", default_value = "1")]
    tries: NonZero<usize>,
    /// Update the README's table of kernels
    #[arg(long, conflicts_with_all = ["kernel", "quick", "filter"])]
    write_readme: bool,
    /// Fail if the README's table of kernels is out of date
    #[arg(long, conflicts_with_all = ["kernel", "quick", "filter", "write_readme"])]
    check: bool,
    /// Only tests whose name contains this
    #[arg(last = true, num_args = 0..=1)]
    filter: Option<String>,
}

pub fn kernels(args: &Args) -> Result<ExitCode> {
    X86_64.check()?;
    let directory = workspace::target_dir()?.join("kernels/guests");
    let extent = if args.quick { Extent::WithEachHook } else { Extent::Whole };
    let kernels = choose(args)?;
    let (oldest, newest) = (&kernels[0], &kernels[kernels.len() - 1]);
    let script = suite::script(
        extent,
        &oldest.release,
        &newest.release,
        args.filter.as_deref().unwrap_or_default(),
        args.tries,
    );
    let guest = stage(&directory.join("root"), extent, &script)?;
    let mut guests = Vec::new();
    for kernel in kernels {
        let initramfs = directory.join(format!("{}.cpio", kernel.release));
        guest.pack(&kernel, &suite::MODULES, &initramfs)?;
        guests.push((kernel, initramfs));
    }
    let runs = run_all(&guests, &directory, args.jobs.get())?;
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for ((kernel, _), run) in guests.iter().zip(&runs) {
        report(kernel, run);
        if run.status != Some(0) {
            failed.push(kernel.release.as_str());
        }
        if let Some(start) = suite::start(&run.reports, "auto") {
            let by_timers = suite::start(&run.reports, "timer");
            lines.push(Line::new(kernel, &start, by_timers.as_ref()));
        }
    }
    if !args.keep {
        fs::remove_dir_all(&directory)?;
    }
    if !failed.is_empty() {
        bail!("the suite failed on {}", failed.join(", "));
    }
    if args.write_readme || args.check {
        table::write(&lines, args.check)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The kernels that are asked for, the oldest first; at least one.
fn choose(args: &Args) -> Result<Vec<Kernel>> {
    let [oldest, .., newest] = SUITES;
    let mut kernels = if args.quick { fetch(&[oldest, newest])? } else { fetch(&SUITES)? };
    kernels.retain(|kernel| {
        args.kernel.is_empty() || args.kernel.iter().any(|wanted| begins_with(&kernel.release, wanted))
    });
    if kernels.is_empty() {
        bail!("no kernel's version begins with {}", args.kernel.join(" or "));
    }
    Ok(kernels)
}

/// Whether a version begins with these numbers. 6.12 doesn't begin with 6.1.
fn begins_with(version: &str, wanted: &str) -> bool {
    let suffix = version.strip_prefix(wanted);
    suffix.is_some_and(|suffix| !suffix.starts_with(|next: char| next.is_ascii_digit()))
}

/// Builds the programs and makes the root that all guests share.
fn stage(root: &Path, extent: Extent, script: &str) -> Result<Guest> {
    let guest = Guest::new(root.to_path_buf())?;
    for program in suite::PROGRAMS {
        guest.add_program(program)?;
    }
    for program in cargo::build_product()? {
        guest.add_stripped(&program.path, &format!("{}/{}", suite::BIN, program.name))?;
    }
    let programs = test::integration_programs()?;
    for name in extent.programs() {
        let program = programs.iter().find(|program| program.name == name);
        let program = program.with_context(|| format!("there is no test program {name}"))?;
        guest.add_stripped(&program.path, &format!("{}/{name}", suite::TESTS))?;
    }
    guest.write("/script", script)?;
    Ok(guest)
}

fn fetch(suites: &[&'static str]) -> Result<Vec<Kernel>> {
    let archive = Archive::open("amd64", suites)?;
    suites.iter().map(|suite| archive.newest_kernel(suite)).collect()
}

/// Runs the guests, `jobs` at once, and returns their results in the order of `guests`. The oldest and the newest kernel,
/// which run the most tests, come first.
fn run_all(guests: &[(Kernel, PathBuf)], directory: &Path, jobs: usize) -> Result<Vec<GuestRun>> {
    let next = Mutex::new(iter::once(0).chain((1..guests.len()).rev()));
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.lock().map_or(None, |mut numbers| numbers.next());
            let Some(number) = number else { return done };
            let (kernel, initramfs) = &guests[number];
            println!("{}: booting", kernel.release);
            let logs = directory.join(format!("{}.logs", kernel.release));
            done.push((number, X86_64.run(kernel, initramfs, &logs, LIMIT)));
        }
    };
    let mut done: Vec<(usize, Result<GuestRun>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, run)| run).collect()
}

fn report(kernel: &Kernel, run: &GuestRun) {
    let (ran, failed) = suite::outcomes(&run.reports);
    println!(
        "\n=== {} ({}): {} test programs, {} failed",
        kernel.release,
        kernel.suite,
        ran.len(),
        failed.len()
    );
    for hooks in suite::MINISOCK_HOOKS.into_iter().chain(["auto"]) {
        match suite::start(&run.reports, hooks) {
            Some(start) => println!("    {hooks}: {}", summary(&start)),
            None => println!("    {hooks}: did not start"),
        }
    }
    println!("    {}", ran.join(", "));
    for skipped in suite::skipped(&run.reports) {
        println!("    SKIPPED {skipped}");
    }
    let again = suite::again(&run.reports);
    for again in &again {
        println!("    AGAIN {again}");
    }
    for failed in &failed {
        println!("    FAILED {failed}");
    }
    if run.status != Some(0) || !again.is_empty() {
        println!("{}", run.output);
        if run.status.is_none() {
            println!("the guest died or took too long; the last lines of its console:");
            let lines: Vec<&str> = run.console.lines().collect();
            println!("{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }
}

/// The hooks of a `start` event with their kinds, and what is missing.
fn summary(start: &serde_json::Value) -> String {
    let list = |name: &str| start[name].as_array().cloned().unwrap_or_default();
    let hooks = list("hooks");
    let hooks = hooks
        .iter()
        .filter_map(|hook| Some(format!("{}/{}", hook["kind"].as_str()?, hook["name"].as_str()?)));
    let missing = list("missing");
    let missing = missing.iter().filter_map(|missing| missing["what"].as_str());
    let missing: Vec<&str> = missing.collect();
    let missing = if missing.is_empty() { "nothing".to_owned() } else { missing.join(", ") };
    format!("{}; missing: {missing}", hooks.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Args, begins_with};

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_version_prefix_ends_at_a_whole_number() {
        assert!(begins_with("6.1.0-50-cloud-amd64", "6.1") && begins_with("6.1.0", "6"));
        assert!(!begins_with("6.12.107", "6.1") && !begins_with("6.1.0", "5"));
    }

    #[test]
    fn the_table_of_kernels_needs_the_whole_suite_on_all_kernels() {
        for part in [&["--kernel", "5.10"][..], &["--quick"], &["--", "reset"]] {
            for table in ["--write-readme", "--check"] {
                let arguments = [&["kernels", table], part].concat();
                let error = Cli::try_parse_from(arguments).err().map(|error| error.to_string());
                let error = error.unwrap_or_default();
                assert!(error.contains(table) && error.contains("cannot be used with"), "{part:?}: {error}");
            }
        }
        assert!(Cli::try_parse_from(["kernels", "--kernel", "5.10", "--", "reset"]).is_ok());
    }
}
