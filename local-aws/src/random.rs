//! The one source of generated identifiers, seeded so that a run can be repeated.

use sha2::{Digest, Sha256};

/// A seeded stream of identifiers.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.drawn.to_be_bytes());
        hash.finalize().into()
    }

    /// The next `digits` (at most 64) lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let text: String = self
            .bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        text.chars().take(digits).collect()
    }

    /// A version-4 UUID in its usual form.
    pub fn uuid(&mut self) -> String {
        let hex: Vec<char> = self.hex(32).chars().collect();
        let part =
            |from: usize, to: usize| -> String { hex.iter().skip(from).take(to - from).collect() };
        format!(
            "{}-{}-4{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
            .checked_rem(limit)
            .unwrap_or(0)
    }
}
