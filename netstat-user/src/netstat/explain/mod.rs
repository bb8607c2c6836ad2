//! `rnetstat explain`: what a state means, in words and in RFC 9293's diagram.

mod language;

use anyhow::Result;

pub use language::Language;

use crate::model::State;

pub fn page(_state: Option<State>, _language: Language, _json: bool, _color: bool) -> Result<Vec<u8>> {
    Ok(Vec::new())
}
