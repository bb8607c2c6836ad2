//! `rnetstat-trace doctor`: what can and can't be seen on this host, why, and what to do about it.

#[cfg(target_os = "linux")]
mod advice;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod json;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod text;
#[cfg(target_os = "linux")]
mod threads;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::run;

/// Examines the host and writes the report to stdout. True if transitions can be seen as they happen.
///
/// # Errors
/// stdout can't be written, for another reason than that its reader went away.
#[cfg(target_os = "linux")]
pub fn run(options: crate::options::DoctorOptions) -> anyhow::Result<bool> {
    use anyhow::Context as _;

    let report = report::Report::of_this_host();
    let text = if options.json {
        json::write(&report)?
    } else {
        text::write(&report, crate::text::width(), options.color)
    };
    crate::standard_streams::write_stdout(text.as_bytes()).context("stdout can't be written")?;
    Ok(report.source() == Some("ebpf"))
}
