//! The languages of `explain`: `--lang`, or the one of the environment.

use super::{
    english, japanese, korean,
    text::{Labels, StateText},
};
use crate::model::State;

/// A language of the text.
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
    /// The language of the first of LC_ALL, LC_MESSAGES and LANG that is set (locale(7)); English if none is set, or for
    /// any other language.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
        match locale.split(['_', '-', '.', '@']).next() {
            Some("ko") => Self::Korean,
            Some("ja") => Self::Japanese,
            _ => Self::English,
        }
    }

    /// The headings.
    pub fn labels(self) -> &'static Labels {
        match self {
            Self::English => &english::LABELS,
            Self::Korean => &korean::LABELS,
            Self::Japanese => &japanese::LABELS,
        }
    }

    /// The explanation of a state.
    pub fn state(self, state: State) -> StateText {
        match self {
            Self::English => english::state(state),
            Self::Korean => korean::state(state),
            Self::Japanese => japanese::state(state),
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
    fn the_environment_selects_the_language_in_the_order_of_locale_7() {
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
