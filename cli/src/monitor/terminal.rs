//! The terminal: raw input, the alternate screen, its size; and the way back, whatever happens.
//!
//! By `stty` and few escape sequences, and not by a library: a page that scrolls needs no more, and those that draw
//! whole screens ask for other features of what the AWS SDK is built upon.
//! <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/stty.html>, <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, Once, PoisonError};

use anyhow::{Context, ensure};
use tokio::sync::mpsc;

/// The alternate screen, without a cursor, and without lines that wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the first line.
const HOME: &str = "\x1b[H";
/// Clears the rest of a line, and goes to the beginning of the next.
const LINE_END: &str = "\x1b[K";
/// Clears what is below.
const CLEAR_BELOW: &str = "\x1b[J";
/// Bytes of input that are taken at once: more than any key sends.
const INPUT_BYTES: usize = 64;
/// A terminal that does not say how large it is.
const SIZE_UNKNOWN: Size = Size {
    rows: 24,
    columns: 80,
};

/// How the terminal was before, as `stty -g` says it; none when it is so now.
static SAVED: Mutex<Option<String>> = Mutex::new(None);
static HOOKED: Once = Once::new();

/// Of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: usize,
    /// Characters of a line.
    pub columns: usize,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first line.
    First,
    /// To the last.
    Last,
    /// To leave.
    Quit,
}

/// What each key sends. In raw mode Ctrl-C is a key, too.
const KEYS: &[(&[u8], Key)] = &[
    (b"\x1b[A", Key::Up),
    (b"\x1bOA", Key::Up),
    (b"k", Key::Up),
    (b"\x1b[B", Key::Down),
    (b"\x1bOB", Key::Down),
    (b"j", Key::Down),
    (b"\x1b[5~", Key::PageUp),
    (b"\x1b[6~", Key::PageDown),
    (b" ", Key::PageDown),
    (b"\x1b[H", Key::First),
    (b"\x1b[1~", Key::First),
    (b"g", Key::First),
    (b"\x1b[F", Key::Last),
    (b"\x1b[4~", Key::Last),
    (b"G", Key::Last),
    (b"q", Key::Quit),
    (b"\x03", Key::Quit),
];

/// A terminal that shows a screen until this is dropped.
#[derive(Debug)]
pub struct Terminal(());

impl Terminal {
    /// Takes the terminal; also a panic gives it back.
    ///
    /// # Errors
    /// When standard input or output is no terminal.
    pub fn take() -> anyhow::Result<Self> {
        HOOKED.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let saved = stty(&["-g"])?;
        *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved.trim().to_owned());
        let terminal = Self(());
        stty(&["raw", "-echo"])?;
        write(ENTER)?;
        Ok(terminal)
    }

    /// How large it is now.
    #[must_use]
    pub fn size(&self) -> Size {
        let size = stty(&["size"]).ok().and_then(|text| size(&text));
        size.unwrap_or(SIZE_UNKNOWN)
    }

    /// Shows these lines and nothing else.
    ///
    /// # Errors
    /// When the terminal has gone away.
    pub fn draw(&self, lines: &[String]) -> anyhow::Result<()> {
        let lines = lines.join(&format!("{LINE_END}\r\n"));
        write(&format!("{HOME}{lines}{LINE_END}{CLEAR_BELOW}"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    let saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(saved) = saved {
        // A terminal that has gone away needs nothing back.
        drop(write(LEAVE));
        drop(stty(&[&saved]));
    }
}

/// What `stty` says of the terminal that is standard input.
fn stty(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("stty")
        .args(arguments)
        .stdin(Stdio::inherit())
        .output()
        .context("cannot run stty")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "stty failed: {}", problem.trim());
    String::from_utf8(output.stdout).context("stty answers no text")
}

/// Rows and columns, as `stty size` says them.
fn size(text: &str) -> Option<Size> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let (rows, columns) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (rows > 0 && columns > 0).then_some(Size { rows, columns })
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to the terminal")
}

/// The keys that are pressed from now on. A thread of its own reads them: it may block in its last read until the
/// process ends, which a task of the runtime may not.
#[must_use]
pub fn keys() -> mpsc::UnboundedReceiver<Key> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut input = [0; INPUT_BYTES];
        while let Ok(count @ 1..) = std::io::stdin().read(&mut input) {
            let pressed = pressed(input.get(..count).unwrap_or_default());
            if pressed.into_iter().any(|key| sender.send(key).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// The keys in `input`; what is none of them is skipped.
fn pressed(mut input: &[u8]) -> Vec<Key> {
    let mut pressed = Vec::new();
    while let Some((_, rest)) = input.split_first() {
        let known = KEYS
            .iter()
            .find_map(|(bytes, key)| Some((*key, input.strip_prefix(*bytes)?)));
        input = match known {
            Some((key, rest)) => {
                pressed.push(key);
                rest
            }
            None => rest,
        };
    }
    pressed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_also_when_several_come_at_once() {
        assert_eq!(
            pressed(b"\x1b[A\x1b[6~jx\x1bOBq"),
            [Key::Up, Key::PageDown, Key::Down, Key::Down, Key::Quit]
        );
        assert_eq!(pressed(b"\x03"), [Key::Quit]);
        assert_eq!(pressed(b"\x1b"), []);
    }

    #[test]
    fn a_size_is_two_numbers_above_zero() {
        let expected = Size {
            rows: 50,
            columns: 132,
        };
        assert_eq!(size("50 132\n"), Some(expected));
        assert_eq!(size("0 0\n"), None);
        assert_eq!(size("?\n"), None);
    }
}
