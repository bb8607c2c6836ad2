//! What the output lacks or can't vouch for: a line on stderr for each, once in a run.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::standard_streams::write_stderr;

/// The notes of a run. Threads that read different namespaces share them.
#[derive(Debug, Default)]
pub struct Notes {
    said: BTreeSet<String>,
    new: Mutex<Vec<String>>,
}

impl Notes {
    /// Adds a line.
    pub fn add(&self, line: impl Into<String>) {
        self.new.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    /// Adds how many lines of a file could not be parsed; nothing for 0.
    pub fn lines_lost(&self, path: &Path, count: usize) {
        if count > 0 {
            let lines = if count == 1 { "line" } else { "lines" };
            self.add(format!("{count} {lines} of {} can't be parsed: left out", path.display()));
        }
    }

    /// Adds that a table changed each time it was read.
    pub fn inconsistent(&self, table: &str, is_inconsistent: bool) {
        if is_inconsistent {
            self.add(format!(
                "{table} changed each time they were read: some may be missing, or there twice; try again"
            ));
        }
    }

    /// Writes the lines that were not written before.
    pub fn write(&mut self) {
        for line in std::mem::take(self.new.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            if !self.said.contains(&line) {
                write_stderr(&format!("rnetstat: {line}"));
                self.said.insert(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_once() {
        let mut notes = Notes::default();
        notes.lines_lost(Path::new("/proc/net/unix"), 0);
        notes.inconsistent("the routes", false);
        assert!(notes.new.get_mut().unwrap().is_empty());
        notes.lines_lost(Path::new("/proc/net/unix"), 1);
        notes.lines_lost(Path::new("/proc/net/unix"), 1);
        notes.write();
        assert!(notes.new.get_mut().unwrap().is_empty());
        assert_eq!(
            notes.said.into_iter().collect::<Vec<_>>(),
            ["1 line of /proc/net/unix can't be parsed: left out"]
        );
    }
}
