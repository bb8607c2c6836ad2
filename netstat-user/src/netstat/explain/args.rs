//! The arguments of `rnetstat explain`.

use super::Language;
use crate::{args::ColorArgs, model::State};

/// What a TCP state means, what is before and after it, and what to do when it piles up; without a state, the
/// diagram with this host's counts
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// By any netstat's name: SYN_SENT, time-wait, LISTENING
    pub state: Option<State>,
    /// Language; by default that of LC_ALL, LC_MESSAGES or LANG
    #[arg(long, value_name = "en|ko|ja", value_enum, hide_possible_values = true)]
    pub lang: Option<Language>,
    /// JSON Lines
    #[arg(long)]
    pub json: bool,
    /// Whether there are colours.
    #[command(flatten)]
    pub color: ColorArgs,
}
