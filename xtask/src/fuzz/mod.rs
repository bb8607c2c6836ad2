//! `cargo xtask fuzz`: runs the fuzz targets in `tests/fuzz` with libFuzzer, several at once.

mod build;
mod run;
mod summary;

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::workspace;

use self::run::Outcome;

#[derive(clap::Args)]
pub struct Args {
    /// The targets to run: all without one
    targets: Vec<String>,
    /// How long each target runs, seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many targets run at once: twice as many as there are processors without it
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZero<usize>>,
    /// Find out invalid accesses to memory too; the targets are built again, and are slower
    #[arg(long)]
    address_sanitizer: bool,
    /// Run one target with this input only, to see what it panics with
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "jobs"])]
    input: Option<PathBuf>,
}

/// Where the fuzz targets and what they need are.
pub struct Folders {
    /// The package of the targets, with the inputs that are committed.
    package: PathBuf,
    /// What is built, and what the runs leave: inputs that reached more code, inputs that failed, output.
    target: PathBuf,
}

impl Folders {
    fn new() -> Result<Self> {
        let package = workspace::root()?.join("tests/fuzz");
        Ok(Self { package, target: workspace::target_dir()?.join("fuzz") })
    }

    /// The inputs of a target that are committed.
    fn seeds(&self, target: &str) -> PathBuf {
        self.package.join("corpus").join(target)
    }

    /// A folder for what the runs of a target leave.
    fn left_by(&self, kind: &str, target: &str) -> Result<PathBuf> {
        let folder = self.target.join(kind).join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

pub fn fuzz(args: &Args) -> Result<ExitCode> {
    let folders = Folders::new()?;
    let all = build::targets(&folders)?;
    if let Some(unknown) = args.targets.iter().find(|target| !all.contains(target)) {
        bail!("no fuzz target is named {unknown}: there are {}", all.join(", "));
    }
    let targets = if args.targets.is_empty() { all } else { args.targets.clone() };
    if let Some(input) = &args.input {
        let [target] = targets.as_slice() else { bail!("--input is an input of one target: name it") };
        // The build runs in another directory.
        let input = input.canonicalize().with_context(|| format!("cannot read {}", input.display()))?;
        let programs = build::build(&folders, &targets, args.address_sanitizer)?;
        return run::replay(&programs, target, &input);
    }
    let programs = build::build(&folders, &targets, args.address_sanitizer)?;
    let jobs = match args.jobs {
        Some(jobs) => jobs.get(),
        None => 2 * thread::available_parallelism().map_or(1, NonZero::get),
    };
    println!("{} targets, {} s each, {jobs} at once", targets.len(), args.seconds);

    let waiting = Mutex::new(targets.iter());
    let next = || waiting.lock().ok()?.next();
    let work = || -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while let Some(target) = next() {
            let outcome = run::run(&folders, &programs, target, args.seconds)?;
            println!("{outcome}");
            outcomes.push(outcome);
        }
        Ok(outcomes)
    };
    let outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a thread panicked"))
            .collect::<Result<Vec<_>>>()
    })?;
    let failed: Vec<&str> = outcomes
        .iter()
        .flatten()
        .filter(|outcome| outcome.has_failed)
        .map(|outcome| outcome.target.as_str())
        .collect();
    if !failed.is_empty() {
        bail!("an input broke a property of {}: see above", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
