//! How the tree is shown: redrawn in place on a terminal, else a line for each change.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::process::{Command, Stdio};

use super::resource;
use super::tree::{Branch, Change, Leaf, Tree};

/// Rows of a terminal that does not say.
const ROWS_UNKNOWN: usize = 24;
/// Rows that the tree leaves free: the stage's title, what is cut off, the cursor.
const ROWS_RESERVED: usize = 3;

/// Columns for a resource's name; its hash is at its end.
const NAME_WIDTH: usize = 44;
/// Columns for its state.
const STATE_WIDTH: usize = 48;

/// Where the demo is watched.
#[derive(Debug)]
pub enum Screen {
    /// A terminal.
    Terminal {
        /// Its height.
        rows: usize,
        /// Lines of the tree that are on it now.
        drawn: usize,
        /// When the stage began, in simulated milliseconds since the epoch.
        stage_began_ms: u64,
    },
    /// A file or a pipe.
    Lines {
        /// When the demo began, in simulated milliseconds since the epoch.
        began_ms: u64,
    },
}

impl Screen {
    /// What standard output is.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        if std::io::stdout().is_terminal() {
            Self::Terminal {
                rows: rows().unwrap_or(ROWS_UNKNOWN),
                drawn: 0,
                stage_began_ms: now_ms,
            }
        } else {
            Self::Lines { began_ms: now_ms }
        }
    }

    /// The title of a stage; on a terminal, what does not change from now on is folded.
    pub fn begin(&mut self, title: &str, now_ms: u64) {
        self.say(title);
        if let Self::Terminal { stage_began_ms, .. } = self {
            *stage_began_ms = now_ms;
        }
    }

    /// A line that stays.
    pub fn say(&mut self, line: &str) {
        if let Self::Terminal { drawn, .. } = self {
            *drawn = 0;
        }
        println!("{line}");
    }

    /// A line that stays, above the tree.
    pub fn tell(&mut self, line: &str, now_ms: u64) {
        match self {
            Self::Terminal {
                drawn,
                stage_began_ms,
                ..
            } => {
                let at = clock(now_ms.saturating_sub(*stage_began_ms));
                if *drawn > 0 {
                    print!("{}", cleared(*drawn));
                    *drawn = 0;
                }
                println!("  {at}  {line}");
            }
            Self::Lines { began_ms } => {
                println!("  {}  {line}", clock(now_ms.saturating_sub(*began_ms)));
            }
        }
    }

    /// What has changed since the last look.
    pub fn show(&mut self, tree: &Tree, changes: &[Change]) {
        match self {
            Self::Terminal {
                rows,
                drawn,
                stage_began_ms,
            } => {
                let lines = lines(tree, *stage_began_ms);
                let fitting = rows.saturating_sub(ROWS_RESERVED);
                *drawn = redraw(*drawn, &lines, fitting);
            }
            Self::Lines { began_ms } => {
                let at = clock(tree.now_ms().saturating_sub(*began_ms));
                for change in changes {
                    println!("  {at}  {}", change_line(change));
                }
            }
        }
    }

    /// The whole tree, to stay; the lines have said it all already.
    pub fn leave(&mut self, tree: &Tree) {
        if let Self::Terminal {
            drawn,
            stage_began_ms,
            ..
        } = self
        {
            redraw(*drawn, &lines(tree, *stage_began_ms), usize::MAX);
            *drawn = 0;
        }
    }
}

/// Draws over what is there; returns how many lines are there now.
fn redraw(drawn: usize, lines: &[String], fitting: usize) -> usize {
    let mut frame = String::new();
    if drawn > 0 {
        frame.push_str(&cleared(drawn));
    }
    // A line longer than the terminal is wide must not wrap, or the next redraw starts too low.
    frame.push_str("\x1b[?7l");
    let cut = lines.len().saturating_sub(fitting);
    for line in lines.iter().take(fitting) {
        frame.push_str(line);
        frame.push('\n');
    }
    if cut > 0 {
        frame.push_str(&format!("  … and {cut} more\n"));
    }
    frame.push_str("\x1b[?7h");
    let mut out = std::io::stdout().lock();
    // A terminal that has gone away shows nothing any more; the stages go on and say how they ended.
    if out
        .write_all(frame.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        return 0;
    }
    lines.len().min(fitting) + usize::from(cut > 0)
}

/// Up to the first line of the old tree, and clear from there on.
fn cleared(drawn: usize) -> String {
    format!("\x1b[{drawn}A\x1b[J")
}

/// Each branch with what is in it, or, if a stage has not touched it, with how much is in it.
fn lines(tree: &Tree, stage_began_ms: u64) -> Vec<String> {
    let mut branches: BTreeMap<&Branch, Vec<(&Leaf, bool)>> = BTreeMap::new();
    let there = tree.leaves().map(|(branch, leaf)| (branch, leaf, true));
    let gone = tree.gone().map(|(branch, leaf)| (branch, leaf, false));
    for (branch, leaf, is_there) in there.chain(gone) {
        branches.entry(branch).or_default().push((leaf, is_there));
    }
    let mut lines = Vec::new();
    for (branch, leaves) in branches {
        let is_quiet = |(leaf, is_there): &(&Leaf, bool)| {
            *is_there && leaf.state.is_settled && leaf.changed_ms < stage_began_ms
        };
        if leaves.iter().all(is_quiet) {
            lines.push(format!(
                "  {}: {} resources, as before",
                title(branch),
                leaves.len()
            ));
            continue;
        }
        lines.push(format!("  {}", title(branch)));
        let last = leaves.len().saturating_sub(1);
        for (index, (leaf, is_there)) in leaves.into_iter().enumerate() {
            let twig = if index == last { "└─" } else { "├─" };
            let line = if is_there {
                leaf_line(leaf, tree.now_ms())
            } else {
                format!("✗ {:<16} {}, gone", resource::label(leaf.kind), leaf.name)
            };
            lines.push(format!("  {twig} {line}"));
        }
    }
    lines
}

fn title(branch: &Branch) -> String {
    match branch {
        Branch::Provider => "provider".to_owned(),
        Branch::Kept => "cluster and log groups, which stay".to_owned(),
        Branch::Pool(pool) => format!("shared load balancers, pool {pool}"),
        Branch::Service(host) => format!("service https://{host}"),
    }
}

fn leaf_line(leaf: &Leaf, now_ms: u64) -> String {
    let mark = if leaf.state.is_settled { "✓" } else { "…" };
    let Leaf {
        name, id, state, ..
    } = leaf;
    let kind = resource::label(leaf.kind);
    let took = duration(
        leaf.took_ms()
            .unwrap_or_else(|| now_ms.saturating_sub(leaf.since_ms)),
    );
    let mut line = format!(
        "{mark} {kind:<16} {:<NAME_WIDTH$} {:<STATE_WIDTH$} {took:>8}",
        fitted(name, NAME_WIDTH),
        state.text
    );
    if !is_said(id, name) {
        line.push_str("  ");
        line.push_str(id);
    }
    line
}

fn change_line(change: &Change) -> String {
    match change {
        Change::Now(branch, leaf) => {
            let Leaf {
                name, id, state, ..
            } = leaf;
            let mut line = format!(
                "{}: {} {name}: {}",
                owner(branch),
                resource::label(leaf.kind),
                state.text
            );
            if let Some(took) = leaf.took_ms().filter(|took| *took > 0) {
                // Writing to a String cannot fail.
                let _ = write!(line, ", took {}", duration(took));
            }
            if !is_said(id, name) {
                let _ = write!(line, " ({id})");
            }
            line
        }
        Change::Gone(branch, leaf) => {
            format!(
                "{}: {} {}: gone",
                owner(branch),
                resource::label(leaf.kind),
                leaf.name
            )
        }
    }
}

/// A text that is too long for its column, with its middle left out.
fn fitted(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    text.chars()
        .take(head)
        .chain(['…'])
        .chain(text.chars().skip(length - tail))
        .collect()
}

/// Whether an id adds nothing to the name: many are the kind and the name.
fn is_said(id: &str, name: &str) -> bool {
    let last_word = name.rsplit(' ').next().unwrap_or(name);
    id.ends_with(last_word)
}

fn owner(branch: &Branch) -> &str {
    match branch {
        Branch::Provider => "provider",
        Branch::Kept => "kept",
        Branch::Pool(_) => "shared",
        Branch::Service(host) => host.split('.').next().unwrap_or(host),
    }
}

/// `2m 05s` of simulated time.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds / 60 {
        0 => format!("{seconds}s"),
        minutes => format!("{minutes}m {:02}s", seconds % 60),
    }
}

/// `+03:07`
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("+{:02}:{:02}", seconds / 60, seconds % 60)
}

/// The terminal's height, which only it knows.
fn rows() -> Option<usize> {
    let output = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace()
        .next()?
        .parse()
        .ok()
        .filter(|rows| *rows > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends() {
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("target-tracking-0a1b", 9), "targ…0a1b");
    }

    #[test]
    fn durations_are_in_minutes_and_seconds() {
        assert_eq!(duration(0), "0s");
        assert_eq!(duration(59_999), "59s");
        assert_eq!(duration(125_000), "2m 05s");
    }
}
