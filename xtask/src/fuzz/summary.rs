//! What libFuzzer's output says of a run.

use std::fmt;

/// No more of a failed run's output is shown, lines.
const MOST_LINES: usize = 60;

/// The figures of a run; None where the output lacks them.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many inputs were tried.
    runs: Option<u64>,
    /// How many inputs were tried in a second, on average.
    runs_per_second: Option<u64>,
    /// How many places of the code were reached (libFuzzer's `cov`).
    coverage: Option<u64>,
    /// How many inputs the corpus has that differ in what they reach.
    corpus: Option<u64>,
    /// The lines from where the failure begins.
    pub failure: String,
}

impl Summary {
    /// Reads the lines `stat::…: 7`, and those like `#8 DONE cov: 25 ft: 53 corp: 3/9b …`.
    pub fn of(output: &str) -> Self {
        let mut summary = Self::default();
        for line in output.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                let number = || pair[1].split('/').next()?.parse().ok();
                match pair[0] {
                    "stat::number_of_executed_units:" => summary.runs = number(),
                    "stat::average_exec_per_sec:" => summary.runs_per_second = number(),
                    "cov:" if line.starts_with('#') => summary.coverage = number(),
                    "corp:" if line.starts_with('#') => summary.corpus = number(),
                    _ => {}
                }
            }
        }
        let begins = |line: &&str| line.contains("panicked at") || line.starts_with("==");
        let failure = output.lines().skip_while(|line| !begins(line));
        summary.failure = failure.take(MOST_LINES).collect::<Vec<_>>().join("\n");
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |figure: Option<u64>| figure.map_or("?".to_owned(), |figure| figure.to_string());
        let Self { runs, runs_per_second, coverage, corpus, failure: _ } = self;
        let [runs, runs_per_second, coverage, corpus] =
            [runs, runs_per_second, coverage, corpus].map(|it| shown(*it));
        write!(f, "{runs} inputs tried ({runs_per_second} a second), coverage {coverage}, corpus {corpus}")
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn the_figures_of_a_run_are_read_from_its_last_lines() {
        let summary = Summary::of(
            "INFO: seed corpus: files: 2\n#3\tINITED cov: 12 ft: 13 corp: 2/4Kb exec/s: 0 rss: 50Mb\n\
             #900\tDONE   cov: 25 ft: 53 corp: 3/9b lim: 4 exec/s: 450 rss: 51Mb\nDone 900 runs in 2 second(s)\n\
             stat::number_of_executed_units: 900\nstat::average_exec_per_sec:     450\n",
        );
        assert_eq!(summary.to_string(), "900 inputs tried (450 a second), coverage 25, corpus 3");
        assert_eq!(summary.failure, "");
    }

    #[test]
    fn a_failure_is_shown_from_its_panic_on() {
        let summary =
            Summary::of("#1 NEW\n\nthread 'main' panicked at src/a.rs:3:5:\nleft != right\n==12== ERROR\n");
        assert!(summary.failure.starts_with("thread 'main' panicked at src/a.rs:3:5:\nleft"), "{summary:?}");
        assert_eq!(Summary::of("").to_string(), "? inputs tried (? a second), coverage ?, corpus ?");
    }
}
