//! Time, sleep and randomness: the only way they enter the handler.
//!
//! Everything else takes a [`Clock`], so a test or a simulation decides what time it is, how long a
//! sleep takes and which bytes are drawn. The SDK clients get the same time source and sleep through
//! their configuration.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};

/// Fills a buffer with random bytes.
pub type RandomSource = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// The handler's only source of time, sleep and randomness.
#[derive(Clone)]
pub struct Clock {
    time: SharedTimeSource,
    sleep: SharedAsyncSleep,
    random: RandomSource,
}

impl Clock {
    /// The machine's clock, tokio's timer, the operating system's random source.
    #[must_use]
    pub fn system() -> Self {
        Self::new(
            SharedTimeSource::new(SystemTimeSource::new()),
            SharedAsyncSleep::new(TokioSleep::new()),
            Arc::new(fill_from_system),
        )
    }

    /// A clock made of the given parts.
    #[must_use]
    pub fn new(time: SharedTimeSource, sleep: SharedAsyncSleep, random: RandomSource) -> Self {
        Self {
            time,
            sleep,
            random,
        }
    }

    /// Milliseconds since the Unix epoch. A clock set before 1970 reads as 0.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.time
            .now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }

    /// Returns after `ms` milliseconds of this clock.
    pub async fn sleep_ms(&self, ms: u64) {
        self.sleep.sleep(Duration::from_millis(ms)).await;
    }

    /// `N` random bytes, fit for a nonce.
    #[must_use]
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    /// The time source, for the SDK's configuration.
    #[must_use]
    pub fn time_source(&self) -> SharedTimeSource {
        self.time.clone()
    }

    /// The sleep, for the SDK's configuration.
    #[must_use]
    pub fn async_sleep(&self) -> SharedAsyncSleep {
        self.sleep.clone()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// Draws from the operating system, in pieces of the size of a key.
///
/// # Panics
/// If the operating system has no random bytes: going on with guessable ones would be worse.
fn fill_from_system(buffer: &mut [u8]) {
    for piece in buffer.chunks_mut(32) {
        let drawn = Key::<Aes256Gcm>::generate();
        for (to, from) in piece.iter_mut().zip(drawn) {
            *to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_draws_new_bytes_every_time_and_fills_the_whole_buffer() {
        let clock = Clock::system();
        let (first, second): ([u8; 80], [u8; 80]) = (clock.random_bytes(), clock.random_bytes());
        assert_ne!(first, second);
        assert!(first.iter().rev().take(16).any(|byte| *byte != 0));
    }
}
