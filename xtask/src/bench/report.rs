//! The figures: a table for people, JSON for machines.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

/// One row of the table: the values of all rounds.
pub struct Figure {
    /// The bench.
    pub bench: &'static str,
    /// What was measured.
    pub subject: String,
    /// The values' unit.
    pub unit: &'static str,
    /// One value a round.
    pub values: Vec<f64>,
    /// What ours should reach.
    pub target: Option<Target>,
    /// What else there is to say, for instance what was lost.
    pub note: String,
}

/// A bound of the median.
#[derive(Clone, Copy)]
pub enum Target {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

/// All figures.
#[derive(Default)]
pub struct Report(Vec<Figure>);

impl Figure {
    /// The values' median; 0 of none.
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    fn verdict(&self) -> String {
        let (met, bound) = match self.target {
            Some(Target::AtLeast(least)) => (self.median() >= least, format!(">= {least}")),
            Some(Target::AtMost(most)) => (self.median() <= most, format!("<= {most}")),
            None => return String::new(),
        };
        format!("{bound} {}", if met { "met" } else { "MISSED" })
    }
}

impl Report {
    /// Prints a figure and keeps it for the JSON.
    pub fn add(&mut self, figure: Figure) {
        if self.0.is_empty() {
            print_row(["bench", "subject", "median", "min", "max", "unit", "target", "note"]);
        }
        let (min, max) = spread(&figure.values);
        print_row([
            figure.bench,
            &figure.subject,
            &rounded(figure.median()),
            &rounded(min),
            &rounded(max),
            figure.unit,
            &figure.verdict(),
            &figure.note,
        ]);
        self.0.push(figure);
    }

    /// Writes the JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let figures: Vec<_> = self
            .0
            .iter()
            .map(|figure| {
                json!({
                    "bench": figure.bench,
                    "subject": figure.subject,
                    "unit": figure.unit,
                    "median": figure.median(),
                    "values": figure.values,
                    "target": figure.verdict(),
                    "note": figure.note,
                })
            })
            .collect();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, serde_json::to_vec_pretty(&figures)?)?)
    }
}

fn print_row([bench, subject, median, min, max, unit, target, note]: [&str; 8]) {
    println!("{bench:<9} {subject:<25} {median:>9} {min:>9} {max:>9}  {unit:<13} {target:<13} {note}");
}

/// The middle value; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

fn spread(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value)))
}

fn rounded(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
