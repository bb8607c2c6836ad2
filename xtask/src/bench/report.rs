//! The figures: printed as a table, and written as JSON.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

/// One row of the table.
pub struct Figure {
    /// What was measured: a contender, or a size of the load.
    case: String,
    unit: &'static str,
    /// One value for each round.
    values: Vec<f64>,
    /// The bound that rnetstat's programs should reach; None for everything else.
    target: Option<Target>,
    /// Further facts, for instance how many events were lost.
    note: String,
}

/// A bound of the median.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// All figures so far.
#[derive(Default)]
pub struct Report {
    /// The benchmark that the next figures belong to.
    bench: String,
    /// Each figure with its benchmark.
    figures: Vec<(String, Figure)>,
}

impl Figure {
    /// A figure without a target and a note.
    pub fn new(case: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { case: case.into(), unit, values, target: None, note: String::new() }
    }

    pub fn with_target(self, target: Option<Target>) -> Self {
        Self { target, ..self }
    }

    pub fn with_note(self, note: String) -> Self {
        Self { note, ..self }
    }

    fn verdict(&self) -> String {
        let median = median(&self.values);
        let (met, bound) = match self.target {
            Some(Target::AtLeast(least)) => (median >= least, format!(">= {least}")),
            Some(Target::AtMost(most)) => (median <= most, format!("<= {most}")),
            None => return String::new(),
        };
        format!("{bound} {}", if met { "met" } else { "MISSED" })
    }
}

impl Report {
    /// The figures that follow belong to this benchmark.
    pub fn begin(&mut self, bench: &str) {
        bench.clone_into(&mut self.bench);
    }

    /// Prints a figure and keeps it for the JSON.
    pub fn add(&mut self, figure: Figure) {
        if self.figures.is_empty() {
            print_row(["bench", "case", "median", "min", "max", "unit", "target", "note"]);
        }
        let (min, max) = range(&figure.values);
        print_row([
            &self.bench,
            &figure.case,
            &rounded(median(&figure.values)),
            &rounded(min),
            &rounded(max),
            figure.unit,
            &figure.verdict(),
            &figure.note,
        ]);
        self.figures.push((self.bench.clone(), figure));
    }

    /// Writes the JSON. Makes its directory if needed.
    pub fn write(&self, path: &Path) -> Result<()> {
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|(bench, figure)| {
                let Figure { case, unit, values, target: _, note } = figure;
                json!({
                    "bench": bench,
                    "case": case,
                    "unit": unit,
                    "median": median(values),
                    "values": values,
                    "target": figure.verdict(),
                    "note": note,
                })
            })
            .collect();
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        Ok(std::fs::write(path, serde_json::to_vec_pretty(&figures)?)?)
    }
}

fn print_row([bench, case, median, min, max, unit, target, note]: [&str; 8]) {
    println!("{bench:<9} {case:<25} {median:>9} {min:>9} {max:>9}  {unit:<13} {target:<13} {note}");
}

/// The middle value; 0 if there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// The smallest and the largest value.
fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value)))
}

fn rounded(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
