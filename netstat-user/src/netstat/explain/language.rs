//! In which language: `--lang`, or what the environment says.

/// A language that the texts are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    #[value(name = "en")]
    English,
    /// Korean.
    #[value(name = "ko")]
    Korean,
    /// Japanese.
    #[value(name = "ja")]
    Japanese,
}

impl Language {
    /// The first of LC_ALL, LC_MESSAGES and LANG that is set decides (locale(7)); English if none is, or if it
    /// is another language's.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
        match locale.split(['_', '-', '.', '@']).next() {
            Some("ko") => Self::Korean,
            Some("ja") => Self::Japanese,
            _ => Self::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Language {
        Language::of_environment(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_in_the_order_of_locale_7() {
        for (variables, language) in [
            (&[][..], Language::English),
            (&[("LANG", "ko_KR.UTF-8")], Language::Korean),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "")], Language::Japanese),
            (&[("LANG", "ja_JP.UTF-8"), ("LC_MESSAGES", "ko")], Language::Korean),
            (&[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C.UTF-8")], Language::English),
            (&[("LANG", "de_DE")], Language::English),
        ] {
            assert_eq!(of(variables), language, "{variables:?}");
        }
    }
}
