//! Wrong usage, and the texts of `--help` and `--version`.

use std::process::ExitCode;

use crate::standard_streams;

/// Writes what clap has to say to stdout or stderr, completely, also where that is a slow non-blocking pipe. `name` is the
/// program's. Returns the exit code.
pub fn report(name: &str, error: &clap::Error) -> ExitCode {
    // clap's own exit codes: 0 for help and version, 2 for wrong usage.
    let code = u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
    let text = error.render();
    if error.use_stderr() {
        let has_color = has_color(&std::io::stderr());
        let text = if has_color { text.ansi().to_string() } else { text.to_string() };
        standard_streams::write_stderr(text.trim_end());
        return code;
    }
    let has_color = has_color(&std::io::stdout());
    let text = if has_color { text.ansi().to_string() } else { text.to_string() };
    match standard_streams::write_stdout(text.as_bytes()) {
        Ok(_is_open) => code,
        Err(error) => {
            standard_streams::write_stderr(&format!("{name}: stdout can't be written: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn has_color(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}
