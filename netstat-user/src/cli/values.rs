//! The words that options with a fixed set of values take.

use clap::{ValueEnum, builder::PossibleValue};

use crate::options::{Format, MinisockHook, SourceChoice, StateHook};

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Line, Self::Json, Self::Csv]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        word(match self {
            Self::Line => "line",
            Self::Json => "json",
            Self::Csv => "csv",
        })
    }
}

impl ValueEnum for SourceChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Ebpf, Self::Proc, Self::Windows]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        word(match self {
            Self::Auto => "auto",
            Self::Ebpf => "ebpf",
            Self::Proc => "proc",
            Self::Windows => "windows",
        })
    }
}

impl ValueEnum for StateHook {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::TpBtf, Self::Tracepoint]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        word(match self {
            Self::Auto => "auto",
            Self::TpBtf => "tp_btf",
            Self::Tracepoint => "tracepoint",
        })
    }
}

impl ValueEnum for MinisockHook {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Fentry, Self::Timer]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        word(match self {
            Self::Auto => "auto",
            Self::Fentry => "fentry",
            Self::Timer => "timer",
        })
    }
}

/// Every value has exactly one spelling.
fn word(word: &'static str) -> Option<PossibleValue> {
    Some(PossibleValue::new(word))
}
