//! The picture of the architecture: boxes on a grid and arrows between neighbours, as SVG.
//!
//! The text that it is drawn from, `docs/architecture.txt`, explains its own form. Coordinates are whole numbers and
//! nothing is measured, so every machine draws the same.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, bail, ensure};

const BOX_WIDTH: i32 = 230;
const BOX_HEIGHT: i32 = 64;
const GAP_X: i32 = 160;
const GAP_Y: i32 = 64;
const MARGIN: i32 = 20;
/// How far a line's text is above its foot.
const TEXT_RISE: i32 = 8;
const HEAD: &str = r##"<style>
text { font-family: system-ui, sans-serif; font-size: 14px; fill: #1f2328; text-anchor: middle; }
.title { font-weight: 600; }
.small { font-size: 12px; fill: #57606a; }
rect { rx: 8px; stroke-width: 1.5px; }
.aws { fill: #f6f8fa; stroke: #8c959f; }
.ours { fill: #ddf4ff; stroke: #0969da; }
.yours { fill: #dafbe1; stroke: #1a7f37; }
line { stroke: #57606a; stroke-width: 1.5px; marker-end: url(#head); }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#57606a"/></marker></defs>
"##;

/// Where a box is on the grid.
#[derive(Clone, Copy)]
struct Place {
    column: i32,
    row: i32,
}

impl Place {
    fn left(self) -> i32 {
        MARGIN + self.column * (BOX_WIDTH + GAP_X)
    }

    fn top(self) -> i32 {
        MARGIN + self.row * (BOX_HEIGHT + GAP_Y)
    }

    fn middle(self) -> (i32, i32) {
        (self.left() + BOX_WIDTH / 2, self.top() + BOX_HEIGHT / 2)
    }
}

/// Draws the text.
pub fn drawn(text: &str) -> anyhow::Result<String> {
    let mut places = BTreeMap::new();
    let mut body = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        draw(line, &mut places, &mut body).with_context(|| format!("line {number}: `{line}`"))?;
    }
    let end = |edge: fn(Place) -> i32, length: i32| {
        let ends = places.values().map(|place| edge(*place) + length + MARGIN);
        ends.max().unwrap_or_default()
    };
    let (width, height) = (end(Place::left, BOX_WIDTH), end(Place::top, BOX_HEIGHT));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">\n{HEAD}<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    ))
}

fn draw(line: &str, places: &mut BTreeMap<String, Place>, body: &mut String) -> anyhow::Result<()> {
    let mut parts = line.split('|').map(str::trim);
    let words: Vec<&str> = parts.next().unwrap_or_default().split(' ').collect();
    let texts: Vec<String> = parts.map(escaped).collect();
    match (words.as_slice(), texts.as_slice()) {
        (["box", id, column, row, kind], [title, second]) => {
            ensure!(
                matches!(*kind, "aws" | "ours" | "yours"),
                "`{kind}` is not a kind"
            );
            let place = Place {
                column: column.parse()?,
                row: row.parse()?,
            };
            let known = places.insert((*id).to_owned(), place);
            ensure!(known.is_none(), "there are two boxes `{id}`");
            let (x, y) = place.middle();
            writeln!(
                body,
                "<rect class=\"{kind}\" x=\"{}\" y=\"{}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\"/>",
                place.left(),
                place.top()
            )?;
            writeln!(
                body,
                "<text class=\"title\" x=\"{x}\" y=\"{}\">{title}</text>",
                y - 4
            )?;
            writeln!(
                body,
                "<text class=\"small\" x=\"{x}\" y=\"{}\">{second}</text>",
                y + 16
            )?;
        }
        (["arrow", from, to], [label]) => {
            let find = |id: &str| {
                let place = places.get(id).copied();
                place.with_context(|| format!("there is no box `{id}` above"))
            };
            arrow(find(from)?, find(to)?, label, body)?;
        }
        _ => bail!("this is neither a box nor an arrow"),
    }
    Ok(())
}

fn arrow(from: Place, to: Place, label: &str, body: &mut String) -> anyhow::Result<()> {
    let (columns, rows) = (to.column - from.column, to.row - from.row);
    ensure!(
        columns.abs() + rows.abs() == 1,
        "the boxes are not neighbours"
    );
    let edge = |place: Place, side: i32| {
        let (x, y) = place.middle();
        (
            x + side * columns * BOX_WIDTH / 2,
            y + side * rows * BOX_HEIGHT / 2,
        )
    };
    let ((x1, y1), (x2, y2)) = (edge(from, 1), edge(to, -1));
    writeln!(
        body,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
    )?;
    // Beside a vertical arrow, above a horizontal one.
    let (x, y, anchor) = if rows == 0 {
        (i32::midpoint(x1, x2), y1 - TEXT_RISE, "middle")
    } else {
        (x1 + TEXT_RISE, i32::midpoint(y1, y2) + 4, "start")
    };
    if !label.is_empty() {
        writeln!(
            body,
            "<text class=\"small\" x=\"{x}\" y=\"{y}\" style=\"text-anchor: {anchor}\">{label}</text>"
        )?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_an_arrow_are_drawn() {
        let svg = drawn("box a 0 0 aws | A & B | x\nbox b 1 0 ours | B | y\narrow a b | calls\n")
            .unwrap();
        for expected in [
            "A &amp; B</text>",
            "<line x1=\"250\" y1=\"52\" x2=\"410\" y2=\"52\"/>",
            ">calls</text>",
            "viewBox=\"0 0 660 104\"",
        ] {
            assert!(svg.contains(expected), "no {expected} in {svg}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text: &str| format!("{:#}", drawn(text).unwrap_err());
        assert_eq!(
            error("# a\nbox a 0 0 aws | A | x\narrow a b | calls"),
            "line 3: `arrow a b | calls`: there is no box `b` above"
        );
        assert!(
            error("box a 0 0 aws | A | x\nbox b 2 0 aws | B | y\narrow a b | c")
                .contains("neighbours")
        );
        assert!(error("circle a").contains("neither"));
    }
}
