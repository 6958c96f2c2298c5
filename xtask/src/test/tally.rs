//! How many checks held, and what programs with many tests say of it.

/// How many checks of a step held.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// A step that is one check.
    pub const ONE: Self = Self {
        passed: 1,
        failed: 0,
    };

    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; …`
pub fn cargo_result(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?;
    let count = |what: &str| -> Option<u64> {
        let before = counts.split(what).next()?.trim_end();
        before.rsplit(' ').next()?.parse().ok()
    };
    Some(Tally {
        passed: count("passed;")?,
        failed: count("failed;")?,
    })
}

/// `# pass 12` and `# fail 0` at the end of a run of Node's.
pub fn tap_result(line: &str) -> Option<Tally> {
    let count = |what: &str| -> Option<u64> { line.strip_prefix(what)?.parse().ok() };
    match (count("# pass "), count("# fail ")) {
        (None, None) => None,
        (passed, failed) => Some(Tally {
            passed: passed.unwrap_or_default(),
            failed: failed.unwrap_or_default(),
        }),
    }
}

/// `Ran 12 tests in 0.3s`, then `OK` or `FAILED (failures=1, errors=2)`; the failed ones are counted in both.
pub fn unittest_result(line: &str) -> Option<Tally> {
    if let Some(ran) = line.strip_prefix("Ran ") {
        let passed = ran.split(' ').next()?.parse().ok()?;
        return Some(Tally { passed, failed: 0 });
    }
    let problems = line.strip_prefix("FAILED (")?.strip_suffix(')')?;
    let failed = problems.split(", ").filter_map(|problem| {
        let (kind, count) = problem.split_once('=')?;
        matches!(kind, "failures" | "errors")
            .then(|| count.parse::<u64>().ok())
            .flatten()
    });
    Some(Tally {
        passed: 0,
        failed: failed.sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_results_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.2s";
        let tally = cargo_result(line).unwrap();
        assert_eq!((tally.passed, tally.failed), (12, 3));
        assert!(cargo_result("test plan::tests::a ... ok").is_none());
    }

    #[test]
    fn node_s_results_are_read() {
        assert_eq!(tap_result("# pass 162").unwrap().passed, 162);
        assert_eq!(tap_result("# fail 3").unwrap().failed, 3);
        assert!(tap_result("# Subtest: # pass 1").is_none());
    }

    #[test]
    fn unittest_s_results_are_read() {
        assert_eq!(unittest_result("Ran 31 tests in 0.4s").unwrap().passed, 31);
        assert_eq!(
            unittest_result("FAILED (failures=1, errors=2, skipped=4)")
                .unwrap()
                .failed,
            3
        );
        assert!(unittest_result("OK").is_none());
    }
}
