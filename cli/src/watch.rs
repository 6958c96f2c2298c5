//! Watching one service: a look every few seconds, what is new since the last one, and when it is over.

mod bake;
mod closer;
mod deployment;
pub mod ending;
pub mod facts;
mod parts;
mod reader;
pub mod snapshot;
mod telling;
pub mod tree;
mod words;

use express_handler::aws::AwsClients;
use express_handler::aws::error::AwsError;

use crate::reference::Reference;
use closer::Examine;
use ending::Ending;
use facts::{Fact, Told};
use reader::Reader;
use snapshot::Snapshot;

/// One look.
#[derive(Clone, Debug)]
pub struct Look {
    /// All that was seen.
    pub snapshot: Snapshot,
    /// What was not told yet.
    pub news: Vec<Fact>,
    /// Set when this is the last one.
    pub ending: Option<Ending>,
}

/// A service that is watched.
#[derive(Debug)]
pub struct Watch {
    reader: Reader,
    told: Told,
    /// Until when a service or a new deployment is waited for; milliseconds since the epoch.
    waits_until_ms: u64,
    /// The deployment that had ended at the first look; outer none before that.
    before: Option<Option<String>>,
}

impl Watch {
    /// A watch that waits until `waits_until_ms` for a service or a new deployment that is not there yet.
    #[must_use]
    pub fn new(aws: AwsClients, reference: Reference, waits_until_ms: u64) -> Self {
        Self {
            reader: Reader::new(aws, reference, Examine::WhenWorthIt),
            told: Told::default(),
            waits_until_ms,
            before: None,
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When AWS does not answer what nothing can be said without: the service and its deployment.
    pub async fn look(&mut self, now_ms: u64) -> Result<Look, AwsError> {
        let snapshot = self.reader.look(now_ms).await?;
        let before = self.before.get_or_insert_with(|| ended(&snapshot));
        let ended = ending::of(&snapshot, before.as_deref(), self.waits_until_ms);
        let mut news = self.told.news(facts::facts(&snapshot));
        let ending = ended.map(|(ending, message)| {
            news.push(Fact::ending(ending, message));
            ending
        });
        Ok(Look {
            snapshot,
            news,
            ending,
        })
    }
}

/// The deployment that a snapshot shows to have ended.
fn ended(snapshot: &Snapshot) -> Option<String> {
    let deployment = snapshot.service.as_ref()?.deployment.as_ref()?;
    deployment.ended_ms.map(|_| deployment.id.clone())
}

/// One look at a service with all that can be said of it, whether or not it seems worth it.
///
/// # Errors
/// When AWS does not answer what nothing can be said without.
pub async fn look_closely(
    aws: AwsClients,
    reference: Reference,
    now_ms: u64,
) -> Result<Snapshot, AwsError> {
    Reader::new(aws, reference, Examine::Always)
        .look(now_ms)
        .await
}
