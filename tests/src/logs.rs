//! What the handler logs, as JSON lines in memory, one capture for each world.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::history::lock;

/// The lines so far, and what writes them. Clones share both.
#[derive(Clone, Debug)]
pub struct Logs {
    lines: Lines,
    dispatch: Dispatch,
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Default for Logs {
    fn default() -> Self {
        let lines = Lines::default();
        // Made once: each one that is made has every place in the code that logs asked anew whether it is wanted.
        let dispatch = lines.dispatch();
        Self { lines, dispatch }
    }
}

impl Logs {
    /// All lines.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.lines.0)).into_owned()
    }

    /// The lines from byte `from` on, and where they end.
    #[must_use]
    pub fn since(&self, from: usize) -> (String, usize) {
        let lines = lock(&self.lines.0);
        let new = lines.get(from..).unwrap_or_default();
        (String::from_utf8_lossy(new).into_owned(), lines.len())
    }

    /// A subscriber that writes here.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }
}

impl Lines {
    /// A subscriber that writes here: our crates at every level, so that nothing secret hides at a level that
    /// is switched off today; all others from WARN, as in Lambda.
    fn dispatch(&self) -> Dispatch {
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .without_time()
            .with_writer(self.clone());
        let levels = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("express_handler", LevelFilter::TRACE)
            .with_target("express_core", LevelFilter::TRACE)
            .with_target("provider_schema", LevelFilter::TRACE);
        Dispatch::new(tracing_subscriber::registry().with(lines).with(levels))
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
