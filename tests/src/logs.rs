//! What the handler logs, as JSON lines in memory, one capture for each world.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::history::lock;

/// The lines so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// All lines.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }

    /// The lines from byte `from` on, and where they end.
    #[must_use]
    pub fn since(&self, from: usize) -> (String, usize) {
        let lines = lock(&self.0);
        let new = lines.get(from..).unwrap_or_default();
        (String::from_utf8_lossy(new).into_owned(), lines.len())
    }

    /// A subscriber that writes here: our crates at every level, so that nothing secret hides at a level that
    /// is switched off today; all others from WARN, as in Lambda.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
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

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
