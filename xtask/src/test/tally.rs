//! How many checks held, and what programs with many tests say of it.

/// How many checks of a step held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    /// What is shown again below the table: the names of those that failed, or what a failed program printed last.
    pub failures: Vec<String>,
}

impl Tally {
    /// A step that is one check.
    pub const ONE: Self = Self {
        passed: 1,
        failed: 0,
        failures: Vec::new(),
    };

    /// Of a step that has failed as a whole.
    pub fn failure(text: String) -> Self {
        Self {
            passed: 0,
            failed: 1,
            failures: vec![text],
        }
    }

    const fn counted(passed: u64, failed: u64) -> Self {
        Self {
            passed,
            failed,
            failures: Vec::new(),
        }
    }

    /// The line that says which one failed; the count comes at the end.
    fn named(line: &str) -> Self {
        Self {
            failures: vec![line.to_owned()],
            ..Self::default()
        }
    }

    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; …`, and `test a::b ... FAILED`.
pub fn cargo_result(line: &str) -> Option<Tally> {
    if line.starts_with("test ") && line.ends_with(" ... FAILED") {
        return Some(Tally::named(line));
    }
    let counts = line.strip_prefix("test result: ")?;
    let count = |what: &str| -> Option<u64> {
        let before = counts.split(what).next()?.trim_end();
        before.rsplit(' ').next()?.parse().ok()
    };
    Some(Tally::counted(count("passed;")?, count("failed;")?))
}

/// `# pass 12` and `# fail 0` at the end of a run of Node's, and `not ok 3 - name`.
pub fn tap_result(line: &str) -> Option<Tally> {
    if line.trim_start().starts_with("not ok ") && !line.contains("# TODO") {
        return Some(Tally::named(line));
    }
    let count = |what: &str| -> Option<u64> { line.strip_prefix(what)?.parse().ok() };
    match (count("# pass "), count("# fail ")) {
        (None, None) => None,
        (passed, failed) => Some(Tally::counted(
            passed.unwrap_or_default(),
            failed.unwrap_or_default(),
        )),
    }
}

/// `Ran 12 tests in 0.3s`, then `OK` or `FAILED (failures=1, errors=2)`; the failed ones are counted in both. And
/// `FAIL: test_name (module)`.
pub fn unittest_result(line: &str) -> Option<Tally> {
    let is_problem = line.starts_with("FAIL: ") || line.starts_with("ERROR: ");
    if is_problem && line.ends_with(')') {
        return Some(Tally::named(line));
    }
    if let Some(ran) = line.strip_prefix("Ran ") {
        let passed = ran.split(' ').next()?.parse().ok()?;
        return Some(Tally::counted(passed, 0));
    }
    let problems = line.strip_prefix("FAILED (")?.strip_suffix(')')?;
    let failed = problems.split(", ").filter_map(|problem| {
        let (kind, count) = problem.split_once('=')?;
        matches!(kind, "failures" | "errors")
            .then(|| count.parse::<u64>().ok())
            .flatten()
    });
    Some(Tally::counted(0, failed.sum()))
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
        let failed = "test plan::tests::a ... FAILED";
        assert_eq!(cargo_result(failed), Some(Tally::named(failed)));
    }

    #[test]
    fn node_s_results_are_read() {
        assert_eq!(tap_result("# pass 162").unwrap().passed, 162);
        assert_eq!(tap_result("# fail 3").unwrap().failed, 3);
        assert!(tap_result("# Subtest: # pass 1").is_none());
        let failed = "    not ok 3 - a name";
        assert_eq!(tap_result(failed), Some(Tally::named(failed)));
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
        let failed = "FAIL: test_a (test_b.C.test_a)";
        assert_eq!(unittest_result(failed), Some(Tally::named(failed)));
    }
}
