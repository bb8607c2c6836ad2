//! Looks up the fields of one fact, and remembers the first that can't be read.

use netstat_ebpf::wire::Offsets;

use super::Field;

/// The fields that one fact needs.
pub struct Fields<'a> {
    lookup: &'a dyn Fn(&str, &str) -> Option<Field>,
    problem: Option<String>,
}

impl<'a> Fields<'a> {
    /// No field yet; `lookup` finds a field by its struct and path.
    pub fn new(lookup: &'a dyn Fn(&str, &str) -> Option<Field>) -> Self {
        Self { lookup, problem: None }
    }

    /// The offset of a field that has at least as many bytes as the programs read of it; [`Offsets::ABSENT`] if it can't
    /// be read.
    pub fn get(&mut self, name: &str, path: &str, bytes: u32) -> u32 {
        let problem = match (self.lookup)(name, path) {
            Some(field) if field.bytes >= bytes && field.offset != Offsets::ABSENT => return field.offset,
            Some(field) => format!(
                "on this kernel the field {path} of struct {name} has {} bytes, and {bytes} are read",
                field.bytes
            ),
            None => format!("this kernel's BTF has no field {path} in struct {name}"),
        };
        self.problem.get_or_insert(problem);
        Offsets::ABSENT
    }

    /// # Errors
    /// A field can't be read: which, and why.
    pub fn finish(self) -> Result<(), String> {
        self.problem.map_or(Ok(()), Err)
    }
}
