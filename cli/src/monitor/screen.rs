//! The screen: the tree as much of it as fits, and a line that says how to go on.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::terminal::{Key, Size, Terminal, keys};
use super::{Seen, Watching, is_interrupted_within, now_ms};
use crate::time::clock;
use crate::watch::ending::Ending;
use crate::watch::facts::Fact;
use crate::watch::snapshot::Snapshot;
use crate::watch::tree::{self, Line, Tone};

/// Between drawings without anything new: a countdown goes on.
const TICK: Duration = Duration::from_secs(1);
/// No colours, whatever its value.
/// <https://no-color.org>
const NO_COLOR: &str = "NO_COLOR";

/// What is on the screen.
#[derive(Clone, Debug, Default)]
struct View {
    snapshot: Option<Snapshot>,
    /// AWS's last refusal, until it answers again.
    trouble: Option<String>,
    /// Lines above the first that is shown.
    scrolled: usize,
}

impl View {
    /// The lines that fit, and below them how to go on.
    fn frame(&mut self, title: &str, size: Size, at_ms: u64) -> Vec<Line> {
        let mut lines = match &self.snapshot {
            Some(snapshot) => tree::lines(&Snapshot {
                at_ms,
                ..snapshot.clone()
            }),
            None => vec![plain(format!("looking at the {title}"))],
        };
        let room = size.rows.saturating_sub(1);
        self.scrolled = self.scrolled.min(lines.len().saturating_sub(room));
        let below = lines.len().saturating_sub(self.scrolled + room);
        lines = lines
            .into_iter()
            .skip(self.scrolled)
            .take(room)
            .map(|line| fitted(line, size.columns))
            .collect();
        lines.resize(room, plain(String::new()));
        let more = match below {
            0 => String::new(),
            _ => format!("{below} more lines below; "),
        };
        let status = match &self.trouble {
            Some(trouble) => trouble.clone(),
            None => format!("{}  {more}↑ ↓ PgUp PgDn scroll, q leaves", clock(at_ms)),
        };
        let tone = if self.trouble.is_some() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        let status = Line {
            tone,
            ..plain(status)
        };
        lines.push(fitted(status, size.columns));
        lines
    }

    fn scroll(&mut self, key: Key, size: Size) {
        let page = size.rows.saturating_sub(2).max(1);
        self.scrolled = match key {
            Key::Up => self.scrolled.saturating_sub(1),
            Key::Down => self.scrolled + 1,
            Key::PageUp => self.scrolled.saturating_sub(page),
            Key::PageDown => self.scrolled + page,
            Key::First => 0,
            // The frame sets it to what there is.
            Key::Last => usize::MAX / 2,
            Key::Quit => self.scrolled,
        };
    }
}

fn plain(text: String) -> Line {
    Line {
        tone: Tone::Plain,
        branches: String::new(),
        text,
    }
}

/// A line that is too long for the terminal ends with `…`.
fn fitted(line: Line, columns: usize) -> Line {
    let before = line.branches.chars().count() + line.tone.mark().chars().count();
    let room = columns.saturating_sub(before);
    if line.text.chars().count() <= room {
        return line;
    }
    let kept = line.text.chars().take(room.saturating_sub(1));
    Line {
        text: kept.chain(['…']).collect(),
        ..line
    }
}

fn coloured(line: &Line) -> String {
    let colour = match line.tone {
        Tone::Good => "32",
        Tone::Busy => "33",
        Tone::Bad => "31",
        Tone::Plain => return line.plain(),
    };
    let (mark, text) = (line.tone.mark(), &line.text);
    format!("{}\x1b[{colour}m{mark}\x1b[0m{text}", line.branches)
}

/// Shows the watch until it ends or somebody leaves; what was seen last stays on the terminal.
pub async fn show(watching: Watching) -> anyhow::Result<Ending> {
    let mut view = View::default();
    let shown = {
        let terminal = Terminal::take()?;
        shown(watching, &terminal, &mut view).await
    };
    if let Some(snapshot) = &view.snapshot {
        let lines = tree::lines(snapshot);
        let lines: Vec<String> = lines.iter().map(Line::plain).collect();
        writeln!(std::io::stdout(), "{}", lines.join("\n"))?;
    }
    let (ending, message) = shown?;
    writeln!(std::io::stdout(), "{message}")?;
    Ok(ending)
}

async fn shown(
    watching: Watching,
    terminal: &Terminal,
    view: &mut View,
) -> anyhow::Result<(Ending, String)> {
    let title = watching.title.clone();
    let has_colours = std::env::var_os(NO_COLOR).is_none_or(|value| value.is_empty());
    let mut looks = looks(watching);
    let mut keys = keys();
    let mut size = terminal.size();
    let mut resized = listen(SignalKind::window_change())?;
    let mut ended = [
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    ];
    loop {
        let frame = view.frame(&title, size, now_ms());
        let drawn = frame.iter().map(|line| {
            if has_colours {
                coloured(line)
            } else {
                line.plain()
            }
        });
        terminal.draw(&drawn.collect::<Vec<_>>())?;
        let [terminated, hung_up] = &mut ended;
        tokio::select! {
            seen = looks.recv() => {
                let seen = seen.context("watching has ended without a result")?;
                if let Some(ending) = take(seen?, view) {
                    return Ok(ending);
                }
            }
            key = keys.recv() => match key {
                None | Some(Key::Quit) => return Ok(stopped()),
                Some(key) => view.scroll(key, size),
            },
            _ = resized.recv() => size = terminal.size(),
            _ = terminated.recv() => return Ok(stopped()),
            _ = hung_up.recv() => return Ok(stopped()),
            interrupted = is_interrupted_within(TICK) => if interrupted? {
                return Ok(stopped());
            },
        }
    }
}

/// What a look changes on the screen, and whether it was the last.
fn take(seen: Seen, view: &mut View) -> Option<(Ending, String)> {
    match seen {
        Seen::Look(look) => {
            view.trouble = None;
            view.snapshot = Some(look.snapshot);
            let message = look.news.last().map(Fact::to_string).unwrap_or_default();
            look.ending.map(|ending| (ending, message))
        }
        Seen::Trouble(text) => {
            view.trouble = Some(text);
            None
        }
        Seen::TimeUp => Some((
            Ending::TimeUp,
            "the time is up; the deployment goes on".to_owned(),
        )),
    }
}

fn stopped() -> (Ending, String) {
    let message = "watching has stopped; the deployment goes on".to_owned();
    (Ending::Stopped, message)
}

/// Looks again and again beside the drawing, until nobody wants to know any more.
fn looks(mut watching: Watching) -> mpsc::UnboundedReceiver<anyhow::Result<Seen>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let seen = watching.look().await;
            let is_last = seen.is_err();
            if sender.send(seen).is_err() || is_last {
                return;
            }
            if is_interrupted_within(watching.every).await.unwrap_or(true) {
                return;
            }
        }
    });
    receiver
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::watch::Look;
    use crate::watch::snapshot::sample;

    fn check(view: &mut View, size: Size, expected: &Expect) {
        let at_ms = sample().at_ms;
        let frame = view.frame("service of `Web`", size, at_ms);
        assert_eq!(frame.len(), size.rows);
        for line in &frame {
            assert!(line.plain().chars().count() <= size.columns, "{line:?}");
        }
        let lines: Vec<String> = frame.iter().map(Line::plain).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn a_large_screen_has_the_whole_tree() {
        let mut view = View {
            snapshot: Some(sample()),
            ..View::default()
        };
        let size = Size {
            rows: 24,
            columns: 110,
        };
        check(
            &mut view,
            size,
            &expect![[r#"
            … service web in cluster default: ACTIVE, 2 tasks run, 1 wanted, express-web-119a:2
            ├─ https://web.apps.example.com
            ├─ … deployment 4bf64c (CANARY): IN_PROGRESS, PRODUCTION_TRAFFIC_SHIFT, runs for 1 min 30 s
            │  ├─ traffic: 5 % new, 95 % old
            │  ├─ … canary bake: 2 min 05 s left, until 00:10:05Z
            │  ├─ new revision 6197 of express-web-119a:2: 1 of 1 tasks run
            │  ├─ old revision 0877 of express-web-119a:1: 1 of 1 tasks run
            │  └─ ✗ 1 failed tasks of 3 that end the deployment
            ├─ ✗ HealthCheckTimeout: nothing answers
            │  └─ to do: answer
            ├─ ✓ alarm express-web-119a-rollback: OK
            ├─ ✓ target group express-119a-a (old): 1 healthy
            ├─ ✗ target group express-119a-b (new): 1 unhealthy (Target.Timeout)
            ├─ ✓ load balancer express-5fc8-1: active
            ├─ ✗ not shown: cloudwatch:DescribeAlarms failed (AccessDenied)
            └─ events, the newest first
               └─ 00:06:35Z  has started 1 tasks: (task 053e).






            00:08:00Z  ↑ ↓ PgUp PgDn scroll, q leaves
        "#]],
        );
    }

    #[test]
    fn a_small_screen_is_scrolled_and_says_that_there_is_more() {
        let mut view = View {
            snapshot: Some(sample()),
            ..View::default()
        };
        let size = Size {
            rows: 6,
            columns: 60,
        };
        check(
            &mut view,
            size,
            &expect![[r#"
                … service web in cluster default: ACTIVE, 2 tasks run, 1 wa…
                ├─ https://web.apps.example.com
                ├─ … deployment 4bf64c (CANARY): IN_PROGRESS, PRODUCTION_TR…
                │  ├─ traffic: 5 % new, 95 % old
                │  ├─ … canary bake: 2 min 05 s left, until 00:10:05Z
                00:08:00Z  12 more lines below; ↑ ↓ PgUp PgDn scroll, q lea…
            "#]],
        );
        for key in [Key::PageDown, Key::Up, Key::Down, Key::Down] {
            view.scroll(key, size);
        }
        check(
            &mut view,
            size,
            &expect![[r#"
                │  ├─ new revision 6197 of express-web-119a:2: 1 of 1 tasks…
                │  ├─ old revision 0877 of express-web-119a:1: 1 of 1 tasks…
                │  └─ ✗ 1 failed tasks of 3 that end the deployment
                ├─ ✗ HealthCheckTimeout: nothing answers
                │  └─ to do: answer
                00:08:00Z  7 more lines below; ↑ ↓ PgUp PgDn scroll, q leav…
            "#]],
        );
        view.scroll(Key::Last, size);
        check(
            &mut view,
            size,
            &expect![[r#"
            ├─ ✗ target group express-119a-b (new): 1 unhealthy (Target…
            ├─ ✓ load balancer express-5fc8-1: active
            ├─ ✗ not shown: cloudwatch:DescribeAlarms failed (AccessDen…
            └─ events, the newest first
               └─ 00:06:35Z  has started 1 tasks: (task 053e).
            00:08:00Z  ↑ ↓ PgUp PgDn scroll, q leaves
        "#]],
        );
        view.scroll(Key::First, size);
        assert_eq!(view.scrolled, 0);
    }

    #[test]
    fn trouble_is_shown_where_the_help_is_and_goes_when_aws_answers() {
        let mut view = View::default();
        let refused = "ecs:DescribeServices failed (ThrottlingException)";
        assert_eq!(take(Seen::Trouble(refused.to_owned()), &mut view), None);
        let size = Size {
            rows: 3,
            columns: 80,
        };
        check(
            &mut view,
            size,
            &expect![[r#"
            looking at the service of `Web`

            ✗ ecs:DescribeServices failed (ThrottlingException)
        "#]],
        );
        let look = Look {
            snapshot: sample(),
            news: Vec::new(),
            ending: None,
        };
        assert_eq!(take(Seen::Look(Box::new(look)), &mut view), None);
        assert_eq!(view.trouble, None);
    }

    #[test]
    fn colours_are_around_the_mark_only() {
        let line = Line {
            tone: Tone::Bad,
            ..plain("is gone".to_owned())
        };
        assert_eq!(coloured(&line), "\u{1b}[31m✗ \u{1b}[0mis gone");
    }
}
