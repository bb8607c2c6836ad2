//! A test ends early only where `skip` has counted it: otherwise a test that checked nothing would count as passed.

use std::iter;
use std::ops::Range;

use super::{rust_files, targets};

/// A condition is one of these calls of tests/harness/skip.rs, or several joined by `||`.
const COUNTED: &str = "skip::without";

#[test]
fn every_early_return_of_a_test_is_counted_as_skipped() {
    // A test program's helper functions end its tests as much as the tests themselves do.
    let programs: Vec<_> = targets::of_workspace()
        .into_iter()
        .filter(|target| target.is_test)
        .map(|target| target.root)
        .collect();
    let mut uncounted = Vec::new();
    for (file, text) in rust_files() {
        let lines: Vec<&str> = text.lines().collect();
        let whole_file = || iter::once(0..lines.len()).collect();
        let functions = if programs.contains(&file) { whole_file() } else { tests_in(&lines) };
        let found = functions.into_iter().flat_map(|lines_of| uncounted_returns(&lines, lines_of));
        uncounted.extend(found.map(|number| format!("{}:{}", file.display(), number + 1)));
    }
    assert!(uncounted.is_empty(), "use `if {COUNTED}…(…) {{ return Ok(()); }}` at {uncounted:#?}");
}

#[test]
fn no_test_is_ignored() {
    // Written in two parts, so that this file has none.
    let attribute = ["#[", "ignore"].concat();
    let ignored =
        rust_files().into_iter().filter(|(_, text)| text.contains(&attribute)).map(|(file, _)| file);
    assert_eq!(
        ignored.collect::<Vec<_>>(),
        Vec::<std::path::PathBuf>::new(),
        "use {COUNTED}…, which is counted"
    );
}

/// The lines of each function with a `test` attribute. The text is as rustfmt leaves it: a function's last line is the
/// next `}` with the attribute's indentation.
fn tests_in(lines: &[&str]) -> Vec<Range<usize>> {
    let is_attribute = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let begins = (0..lines.len()).filter(|begin| is_attribute(lines[*begin].trim()));
    begins
        .map(|begin| {
            let last = format!("{}}}", " ".repeat(indentation(lines[begin])));
            let length = lines[begin..].iter().position(|line| *line == last);
            begin..length.map_or(lines.len(), |length| begin + length)
        })
        .collect()
}

/// The numbers of the lines that return nothing, or `Ok(())`, without a condition of [`COUNTED`] calls alone.
fn uncounted_returns(lines: &[&str], within: Range<usize>) -> Vec<usize> {
    let is_return = |line: &str| {
        let code = without_strings(line);
        let code = code.split("//").next().unwrap_or_default();
        ["return Ok(())", "return;", "return }"].iter().any(|end| code.contains(end))
    };
    within.filter(|number| is_return(lines[*number]) && !is_counted(lines, *number)).collect()
}

/// A line without what its string literals contain.
fn without_strings(line: &str) -> String {
    line.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

fn is_counted(lines: &[&str], number: usize) -> bool {
    let is_statement = matches!(lines[number].trim(), "return Ok(());" | "return;");
    let condition = condition_of(lines, number);
    is_statement
        && condition.is_some_and(|text| text.split("||").all(|call| call.trim().starts_with(COUNTED)))
}

/// The condition of the `if` whose block's first statement is in the line, without line breaks.
fn condition_of(lines: &[&str], number: usize) -> Option<String> {
    let head = lines[..number].iter().rposition(|line| indentation(line) < indentation(lines[number]))?;
    if head + 1 != number {
        return None;
    }
    // rustfmt gives a condition of several lines a `{` of its own, indented as the `if` is.
    let is_begin =
        |line: &&str| line.trim_start().starts_with("if ") && indentation(line) == indentation(lines[head]);
    let begin = if lines[head].trim() == "{" { lines[..head].iter().rposition(is_begin)? } else { head };
    let text: Vec<&str> = lines[begin..=head].iter().map(|line| line.trim()).collect();
    Some(text.join(" ").strip_prefix("if ")?.strip_suffix('{')?.to_owned())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn an_early_return_is_found_unless_its_condition_is_counted() {
    let function = |body: &str| format!("#[test]\nfn name() -> Result<()> {{\n{body}\n    Ok(())\n}}\n");
    for (body, is_counted) in [
        ("    if skip::without_root() {\n        return Ok(());\n    }", true),
        ("    if skip::without_root() || skip::without_mptcp() {\n        return;\n    }", true),
        (
            "    if skip::without_root()\n        || skip::without_fact(MOMENT, &start()?)\n    {\n        return Ok(());\n    }",
            true,
        ),
        ("    check()?;", true),
        ("    let found = || { return Ok(Some(())) };", true),
        ("    // What return; means.", true),
        ("    check(\"return;\")?;", true),
        ("    return Ok(());", false),
        ("    if kernel_is_old() {\n        return Ok(());\n    }", false),
        ("    if skip::without_root() || kernel_is_old() {\n        return Ok(());\n    }", false),
        ("    if skip::without_root() {\n        prepare();\n        return Ok(());\n    }", false),
        ("    let Some(value) = value() else { return Ok(()) };", false),
        ("    let Some(value) = value() else { return };", false),
        ("    match value() {\n        None => return Ok(()),\n        Some(_) => {}\n    }", false),
    ] {
        let text = function(body);
        let lines: Vec<&str> = text.lines().collect();
        let functions = tests_in(&lines);
        assert_eq!(functions.len(), 1, "{text}");
        assert_eq!(uncounted_returns(&lines, functions[0].clone()).is_empty(), is_counted, "{text}");
    }
}
