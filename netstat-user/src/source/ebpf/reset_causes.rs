//! The kernel's names for the reasons why it sends an RST: `enum sk_rst_reason` (include/net/rstreason.h, from 6.10 on).

use super::btf::Btf;

const ENUM: &str = "sk_rst_reason";
const PREFIX: &str = "SK_RST_REASON_";
/// The kernel gives no reason.
const NOT_SPECIFIED: &str = "not_specified";
/// Far more than the kernel has.
const MAX_CAUSES: usize = 256;

/// The names by the kernel's numbers.
#[derive(Debug, Default)]
pub struct ResetCauses(Vec<(u32, &'static str)>);

impl ResetCauses {
    /// The names in the kernel's BTF; none before 6.10. They stay in memory: the rows refer to them.
    pub fn of(btf: &Btf) -> Self {
        let names = btf.enumerators(ENUM).into_iter().take(MAX_CAUSES).filter_map(|(value, name)| {
            let name = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            // Its last one is no reason, only their number.
            (name != NOT_SPECIFIED && name != "max").then(|| (value, &*name.leak()))
        });
        Self(names.collect())
    }

    /// The name of a number; None if the kernel gives no reason.
    pub fn name(&self, cause: u32) -> Option<&'static str> {
        self.0.iter().find(|(value, _)| *value == cause).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use netstat_tests::skip;

    use super::*;

    #[test]
    fn the_kernel_s_causes_have_its_names_in_lower_case() {
        let btf = Btf::of_this_kernel();
        if skip::without("a kernel with BTF", btf.is_ok()) {
            return;
        }
        let btf = btf.unwrap();
        let causes = ResetCauses::of(&btf);
        if skip::without("a kernel with sk_rst_reason (6.10)", !causes.0.is_empty()) {
            return;
        }
        // include/net/rstreason.h: both are there since the enum is, the first one has the number 0.
        assert_eq!(causes.name(0), None);
        assert_eq!(causes.name(1), Some("no_socket"));
        assert!(causes.0.iter().any(|(_, name)| *name == "mptcp_rst_eunspec"), "{causes:?}");
        assert_eq!(causes.name(u32::MAX), None);
    }
}
