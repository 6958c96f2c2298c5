//! The seeds of histories that found something once, as both simulators keep them: a file with one seed in a line, and
//! behind `#` what it found. They are played first, always.

use anyhow::Context;

/// Reads such a file.
///
/// # Errors
/// A line that begins with no seed.
pub fn parse(path: &str, text: &str) -> anyhow::Result<Vec<u64>> {
    let lines = text.lines().zip(1..);
    let lines =
        lines.map(|(line, number)| (line.split('#').next().unwrap_or_default().trim(), number));
    lines
        .filter(|(seed, _)| !seed.is_empty())
        .map(|(seed, number)| {
            seed.parse()
                .with_context(|| format!("{path}:{number}: `{seed}` is no seed"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_line_is_a_seed_and_what_it_found_or_a_comment() {
        let text = "# Seeds.\n7 # A slot that two had.\n\n18446744073709551615\n";
        assert_eq!(parse("file", text).unwrap(), [7, u64::MAX]);
        let problem = parse("file", "7\nseven # A slot.\n").unwrap_err();
        assert_eq!(problem.to_string(), "file:2: `seven` is no seed");
    }
}
