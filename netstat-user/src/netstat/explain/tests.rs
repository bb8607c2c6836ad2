//! The pages in every language.

use unicode_width::UnicodeWidthStr as _;

use super::{
    pages::{CLIENT_ORDER, SERVER_ORDER, one},
    *,
};
use crate::model::LEGAL_TRANSITIONS;

const LANGUAGES: [Language; 3] = [Language::English, Language::Korean, Language::Japanese];

fn states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().chain([State::Unknown])
}

/// The words of a text that are the same in every language: states, settings, columns, calls.
fn technical_words(text: &StateText) -> Vec<String> {
    let StateText { meaning, client, server, normal, many, checks } = *text;
    let all = [&[meaning, client, server, normal, many], checks].concat().join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '(' | ')' | '-');
    let mut words: Vec<String> = all
        .split(|c: char| !is_part(c))
        .map(|word| word.trim_matches(['.', '-', '(']).trim_end_matches(')').trim_end_matches('('))
        .filter(|word| word.contains('_') || word.starts_with("net.") || word.ends_with("-Q"))
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[test]
fn the_languages_name_the_same_settings_states_and_calls() {
    for state in states() {
        let english = technical_words(&Language::English.state(state));
        for language in [Language::Korean, Language::Japanese] {
            assert_eq!(technical_words(&language.state(state)), english, "{state} in {language:?}");
        }
    }
}

#[test]
fn the_languages_have_the_same_number_of_checks() {
    for state in states() {
        let [english, korean, japanese] = LANGUAGES.map(|language| language.state(state).checks.len());
        assert!(english > 0 && english == korean && english == japanese, "{state}");
    }
}

#[test]
fn every_page_is_in_its_language_and_within_its_width() {
    for language in LANGUAGES {
        for state in states() {
            let page = one(state, language, false, 80);
            let has_hangul = page.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
            let has_kana = page.chars().any(|c| ('\u{3041}'..='\u{30ff}').contains(&c));
            assert_eq!(has_hangul, language == Language::Korean, "{state}");
            assert_eq!(has_kana, language == Language::Japanese, "{state}");
            // Closing punctuation may exceed the width by one character of two columns.
            for line in page.lines() {
                assert!(line.width() <= 82, "{state} in {language:?}: {line}");
            }
        }
    }
}

#[test]
fn the_page_names_every_state_before_and_after() {
    for (from, to) in LEGAL_TRANSITIONS {
        assert!(one(*from, Language::English, false, 80).contains(to.name()));
        assert!(one(*to, Language::English, false, 80).contains(from.name()));
    }
}

#[test]
fn the_usual_sequences_of_states_are_legal_transitions() {
    for order in [CLIENT_ORDER, SERVER_ORDER] {
        for step in order.windows(2) {
            assert!(LEGAL_TRANSITIONS.contains(&(step[0], step[1])), "{} to {}", step[0], step[1]);
        }
    }
}

#[test]
fn a_narrow_terminal_gets_the_text_without_the_diagram() {
    let page = one(State::TimeWait, Language::English, false, 60);
    assert!(!page.contains('║'));
    assert!(page.lines().all(|line| line.width() <= 62), "{page}");
}
