//! Comments of properties as TypeScript has them.

use std::fmt::Write;

/// Writes a comment as JSDoc: `AWS:` lines become `@see`.
pub fn add_comment(
    text: &mut String,
    indent: &str,
    comment: &str,
    default: Option<&str>,
) -> anyhow::Result<()> {
    writeln!(text, "{indent}/**")?;
    let mut see = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in comment.lines() {
        match line
            .strip_prefix("AWS: <")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            Some(url) => see.push(url),
            None => lines.push(line),
        }
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    for line in lines {
        writeln!(text, "{}", format!("{indent} * {line}").trim_end())?;
    }
    if default.is_some() || !see.is_empty() {
        writeln!(text, "{indent} *")?;
    }
    if let Some(default) = default {
        writeln!(text, "{indent} * @default {default}")?;
    }
    for url in see {
        writeln!(text, "{indent} * @see {url}")?;
    }
    writeln!(text, "{indent} */")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_pages_become_links() {
        let mut text = String::new();
        add_comment(
            &mut text,
            "",
            "One.\n\nTwo.\nAWS: <https://a.example/>",
            Some("1"),
        )
        .unwrap();
        assert_eq!(
            text,
            "/**\n * One.\n *\n * Two.\n *\n * @default 1\n * @see https://a.example/\n */\n"
        );
    }
}
