//! Values of options: bytes that are no text are named in our errors too, and so are words that an option doesn't know.

use std::{ffi::OsString, fmt::Display};

use clap::{
    ValueEnum,
    builder::{OsStringValueParser, TypedValueParser},
};
use netstat_events::text;

use super::name;

/// Parses a value by `parse`, which gets a name in it as the text that it has in JSON.
pub(crate) fn text<T, E>(parse: fn(&str) -> Result<T, E>) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    E: Display + 'static,
{
    OsStringValueParser::new().try_map(move |value: OsString| {
        let name = name::bytes(value.as_encoded_bytes());
        parse(&text::from_bytes(&name)).map_err(|error| error.to_string())
    })
}

/// Parses one of the words of `T`. `what` says what the words are, like `format`.
pub(crate) fn word<T>(what: &'static str, ignore_case: bool) -> impl TypedValueParser<Value = T>
where
    T: ValueEnum + Send + Sync + 'static,
{
    OsStringValueParser::new().try_map(move |value: OsString| {
        let value = value.to_string_lossy();
        T::from_str(&value, ignore_case).map_err(|_| format!("{value:?} is no {what}: say {}", words::<T>()))
    })
}

/// `line, json or csv`.
fn words<T: ValueEnum>() -> String {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    match names.split_last() {
        Some((last, others @ [_, ..])) => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    #[derive(Clone, Debug, PartialEq, ValueEnum)]
    enum Fruit {
        Apple,
        Fig,
        Pear,
    }

    fn parsed<T: Clone + Send + Sync + 'static>(
        parser: impl TypedValueParser<Value = T>,
        value: &str,
    ) -> Result<T, String> {
        let command = Command::new("test").arg(Arg::new("value").long("value").value_parser(parser));
        let matches = command.try_get_matches_from(["test", &format!("--value={value}")]);
        matches
            .map(|mut matches| matches.remove_one("value").unwrap())
            .map_err(|error| error.to_string().lines().next().unwrap().to_owned())
    }

    #[test]
    fn a_word_that_is_not_known_is_named_with_those_that_are() {
        assert_eq!(parsed(word::<Fruit>("fruit", false), "fig"), Ok(Fruit::Fig));
        assert_eq!(parsed(word::<Fruit>("fruit", true), "FIG"), Ok(Fruit::Fig));
        for wrong in ["FIG", "nut", ""] {
            assert_eq!(
                parsed(word::<Fruit>("fruit", false), wrong).unwrap_err(),
                format!(
                    "error: invalid value '{wrong}' for '--value <value>': {wrong:?} is no fruit: say apple, fig or pear"
                )
            );
        }
    }

    #[test]
    fn a_parser_gets_the_text_that_a_name_has_in_json() {
        let itself = |value: &str| Ok::<_, String>(value.to_owned());
        for value in ["eth0", "x\u{efff}y", "서버", "a\\b"] {
            assert_eq!(parsed(text(itself), value), Ok(value.to_owned()));
        }
    }
}
