//! Threads for programs that play much: large enough for the SDK's futures.

use std::thread::{self, Builder};

/// A thread has 2 MiB of stack unless it is told otherwise, where Lambda's main thread has 8; the SDK's futures are large.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// As many threads as were asked for; as there are cores when nobody has asked.
#[must_use]
pub fn count(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Does `work` on so many threads side by side, and returns what each came to once all have ended: fewer than were asked
/// for when one panics, or when the machine has no room for one, which is told.
pub fn side_by_side<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let mut begun = Vec::new();
        for _ in 0..threads {
            let large = Builder::new().stack_size(STACK_BYTES);
            match large.spawn_scoped(scope, &work) {
                Ok(thread) => begun.push(thread),
                Err(error) => eprintln!("cannot start a thread: {error}"),
            }
        }
        let ended = begun.into_iter().filter_map(|thread| thread.join().ok());
        ended.collect()
    })
}
