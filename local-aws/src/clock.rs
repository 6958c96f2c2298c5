//! Time: virtual for tests, scaled from the machine's clock for the local stack.
//!
//! A virtual clock stands still until its owner moves it to the next sleeper, so a simulated hour of
//! bakes and polls costs nothing and two runs are alike. The same clock serves the stand-in, the
//! handler and the SDK's own retries and timeouts.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;

use crate::lock;

/// Where time comes from. Clones share it.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Moves only when told to.
    Virtual(VirtualClock),
    /// The machine's clock, `rate` times as fast since `started`.
    Scaled {
        /// Milliseconds since the epoch when the clock was started.
        epoch_ms: u64,
        /// When it was started.
        started: Instant,
        /// Simulated seconds per real second.
        rate: f64,
    },
}

impl Clock {
    /// A clock that follows the machine's, `rate` times as fast.
    #[must_use]
    pub fn scaled(rate: f64) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self::Scaled {
            epoch_ms: millis(since_epoch),
            started: Instant::now(),
            rate,
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::Virtual(clock) => clock.now_ms(),
            Self::Scaled {
                epoch_ms,
                started,
                rate,
            } => epoch_ms + millis(started.elapsed().mul_f64(*rate)),
        }
    }
}

/// A clock that stands still until moved. Clones share it.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    inner: Arc<Mutex<VirtualTime>>,
}

#[derive(Debug)]
struct VirtualTime {
    now_ms: u64,
    next_sleeper: u64,
    /// By deadline, then by order of falling asleep.
    sleepers: BTreeMap<(u64, u64), Option<Waker>>,
}

impl VirtualClock {
    /// A clock that shows `now_ms` milliseconds since the epoch.
    #[must_use]
    pub fn starting_at(now_ms: u64) -> Self {
        Self {
            inner: Arc::new(Mutex::new(VirtualTime {
                now_ms,
                next_sleeper: 0,
                sleepers: BTreeMap::new(),
            })),
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        lock(&self.inner).now_ms
    }

    /// Moves time forward and wakes whoever was to be woken by then.
    pub fn advance_by(&self, duration: Duration) {
        let target = self.now_ms() + millis(duration);
        self.advance_to(target);
    }

    /// Moves time to the earliest sleeper's deadline and wakes it; false when nobody sleeps.
    #[must_use]
    pub fn advance_to_next_sleeper(&self) -> bool {
        let next = lock(&self.inner)
            .sleepers
            .keys()
            .next()
            .map(|(deadline, _)| *deadline);
        if let Some(deadline) = next {
            self.advance_to(deadline);
        }
        next.is_some()
    }

    /// When the earliest sleeper wakes, in milliseconds since the epoch.
    #[must_use]
    pub fn next_sleeper_ms(&self) -> Option<u64> {
        lock(&self.inner).sleepers.keys().next().map(|(at, _)| *at)
    }

    fn advance_to(&self, target_ms: u64) {
        let mut woken = Vec::new();
        {
            let mut time = lock(&self.inner);
            time.now_ms = time.now_ms.max(target_ms);
            // Those that are due leave the list, whether or not anybody polls them ever again: one
            // that stayed would be the next sleeper for ever, and time would stand still.
            let later = (time.now_ms.saturating_add(1), 0);
            let asleep = time.sleepers.split_off(&later);
            let due = std::mem::replace(&mut time.sleepers, asleep);
            woken.extend(due.into_values().flatten());
        }
        woken.into_iter().for_each(Waker::wake);
    }
}

impl TimeSource for VirtualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms())
    }
}

impl AsyncSleep for VirtualClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let mut time = lock(&self.inner);
        let key = (time.now_ms + millis(duration), time.next_sleeper);
        time.next_sleeper += 1;
        time.sleepers.insert(key, None);
        Sleep::new(VirtualSleep {
            clock: self.clone(),
            key,
        })
    }
}

struct VirtualSleep {
    clock: VirtualClock,
    key: (u64, u64),
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = lock(&self.clock.inner);
        if time.now_ms >= self.key.0 {
            return Poll::Ready(());
        }
        time.sleepers
            .insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for VirtualSleep {
    fn drop(&mut self) {
        lock(&self.clock.inner).sleepers.remove(&self.key);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
