//! `--color`.

use clap::ColorChoice;

/// The argument that selects colours.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ColorArgs {
    /// Colours; auto (the default): on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    color: ColorChoice,
}

impl ColorArgs {
    /// Whether to use colours; `by_default` is the value of `auto`.
    pub fn decide(self, by_default: bool) -> bool {
        match self.color {
            ColorChoice::Auto => by_default,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}
