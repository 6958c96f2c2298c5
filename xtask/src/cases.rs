//! `cargo xtask cases`: which cases of `tests/CONTRACT.md` have tests, and whether they hold.
//!
//! A test covers the case that its name begins with: `case_43b_a_delete_with_an_invented_id` covers case 43b.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::cargo::cargo;
use crate::root;

/// The list of cases, below the workspace's folder.
const CONTRACT: &str = "tests/CONTRACT.md";

/// The cases that nothing is built for yet, with the reason.
const WAITING: &str = "tests/WAITING.md";

/// What the names of the tests that cover a case begin with.
const PREFIX: &str = "case_";

/// The tests of cases that only a real account can show.
const LIVE: &str = "tests/live/test_2_cases.py";

/// What the table has in the place of their result: they are not run here.
const REAL_ACCOUNT: &str = "real account";

/// Characters of a case's text that the table has room for.
const TEXT_WIDTH: usize = 96;

#[derive(Args)]
pub struct Arguments {
    /// Name the tests, and run none.
    #[arg(long)]
    pub list: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (contract, waiting) = (read(CONTRACT)?, read(WAITING)?);
    let (cases, waiting) = (cases(&contract), cases(&waiting));
    ensure!(!cases.is_empty(), "{CONTRACT} has no cases");
    let output;
    let mut found = if arguments.list {
        output = cargo_test(&[PREFIX, "--list"])?;
        tests(&output, listed)
    } else {
        output = cargo_test(&[PREFIX])?;
        tests(&output, ran)
    };
    let of_an_account = read(LIVE)?;
    found.extend(tests(&of_an_account, live));
    let table = table(&cases, &waiting, &found)?;
    print!("{}", table.text);
    let failed = found.iter().filter(|test| test.result == "FAILED").count();
    ensure!(failed == 0, "{failed} tests failed");
    ensure!(
        table.untested == 0,
        "{} cases have no test and no reason in {WAITING}",
        table.untested
    );
    Ok(())
}

fn read(file: &str) -> anyhow::Result<String> {
    let path = root()?.join(file);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// One case of the contract.
#[derive(Debug, PartialEq)]
struct Case<'a> {
    /// `43b`
    number: &'a str,
    text: &'a str,
}

/// One test of a case.
#[derive(Debug, PartialEq)]
struct Test<'a> {
    /// With its modules: `contract::case_6_an_event_that_is_delivered_two_or_three_times_has_one_effect`.
    name: &'a str,
    /// The case's number.
    case: &'a str,
    /// `ok`, `FAILED`, `ignored` or [`REAL_ACCOUNT`]; empty if it was not run.
    result: &'a str,
}

/// The lines that begin with a case's number.
fn cases(contract: &str) -> Vec<Case<'_>> {
    contract
        .lines()
        .filter_map(|line| {
            let (number, text) = line.split_once(". ")?;
            is_number(number).then_some(Case { number, text })
        })
        .collect()
}

/// Digits, then at most one letter.
fn is_number(text: &str) -> bool {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_lowercase());
    !digits.is_empty()
        && text.len() - digits.len() <= 1
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the test programs printed. Failing tests are no error here: their lines say so.
fn cargo_test(arguments: &[&str]) -> anyhow::Result<String> {
    let output = cargo()?
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(["--lib", "--bins", "--tests", "--"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output();
    let output = output.context("cannot run cargo")?;
    let text = String::from_utf8(output.stdout).context("the tests' output is not UTF-8")?;
    ensure!(
        output.status.success() || text.contains("test result: FAILED"),
        "cargo failed: {}",
        output.status
    );
    Ok(text)
}

/// The tests of cases among the lines, each read with `read` into a name and a result.
fn tests<'a>(output: &'a str, read: fn(&'a str) -> Option<(&'a str, &'a str)>) -> Vec<Test<'a>> {
    output
        .lines()
        .filter_map(|line| {
            let (name, result) = read(line)?;
            let own = name.rsplit("::").next()?;
            let (case, _) = own.strip_prefix(PREFIX)?.split_once('_')?;
            Some(Test { name, case, result })
        })
        .collect()
}

/// `contract::case_6_…: test`
fn listed(line: &str) -> Option<(&str, &str)> {
    Some((line.strip_suffix(": test")?, ""))
}

/// `test contract::case_6_… ... ok`
fn ran(line: &str) -> Option<(&str, &str)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.split(' ').next()?, result.split(',').next()?))
}

/// `    def test_case_16_…(self):`
fn live(line: &str) -> Option<(&str, &str)> {
    let (name, _) = line
        .trim_start()
        .strip_prefix("def test_")?
        .split_once('(')?;
    Some((name, REAL_ACCOUNT))
}

/// What there is to say of all cases.
struct Table {
    /// Each case with its tests below it, and a count as the last line.
    text: String,
    /// Cases without a test and without a reason.
    untested: usize,
}

fn table(cases: &[Case], waiting: &[Case], tests: &[Test]) -> anyhow::Result<Table> {
    let mut of_case: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        of_case.entry(test.case).or_default().push(test);
    }
    let mut text_of_all = String::new();
    let (mut untested, mut waits) = (0, 0);
    for Case { number, text } in cases {
        let covered = of_case.remove(number).unwrap_or_default();
        let reason = waiting.iter().find(|case| case.number == *number);
        ensure!(
            reason.is_none() || covered.is_empty(),
            "case {number} has a test: take it out of {WAITING}"
        );
        let state = match covered.len() {
            0 if reason.is_some() => {
                waits += 1;
                "waits".to_owned()
            }
            0 => {
                untested += 1;
                "no test".to_owned()
            }
            1 => "1 test".to_owned(),
            count => format!("{count} tests"),
        };
        text_of_all.push_str(&format!("{number:>4}  {state:<12}  {}\n", shortened(text)));
        for Test { name, result, .. } in covered {
            text_of_all.push_str(&format!("      {result:<12}  {name}\n"));
        }
        if let Some(Case { text, .. }) = reason {
            text_of_all.push_str(&format!("{:20}{text}\n", ""));
        }
    }
    if let Some(test) = of_case.values().flatten().next() {
        bail!("{CONTRACT} has no case {}: {}", test.case, test.name);
    }
    let count = cases.len();
    text_of_all.push_str(&format!(
        "\n{count} cases, {untested} without a test, {waits} waiting for what is not built yet\n"
    ));
    Ok(Table {
        text: text_of_all,
        untested,
    })
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_WIDTH {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(TEXT_WIDTH - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str =
        "# Cases\n\n6. Delivered twice.\n43b. An invented id.\n60. An hour. ☁\n2026. \n";

    #[test]
    fn cases_are_the_numbered_lines() {
        let numbers: Vec<_> = cases(CONTRACT).iter().map(|case| case.number).collect();
        assert_eq!(numbers, ["6", "43b", "60", "2026"]);
        assert!(cases("See above. Then\n43bc. Two letters\nb. None\n").is_empty());
    }

    #[test]
    fn tests_are_found_by_name_when_listed_and_when_run() {
        let found = tests("it::case_43b_ends: test\nit::other: test\n", listed);
        let listed_test = Test {
            name: "it::case_43b_ends",
            case: "43b",
            result: "",
        };
        assert_eq!(found, [listed_test]);
        let output = "test it::case_6_twice ... FAILED\ntest case_6_b - should panic ... ok\n\
                      test case_6_c ... ignored, needs time\ntest result: FAILED. 1 passed\n";
        let results: Vec<_> = tests(output, ran)
            .iter()
            .map(|test| (test.name, test.result))
            .collect();
        let expected = [
            ("it::case_6_twice", "FAILED"),
            ("case_6_b", "ok"),
            ("case_6_c", "ignored"),
        ];
        assert_eq!(results, expected);
    }

    #[test]
    fn the_table_says_which_cases_have_no_test() {
        let mut found = tests("test it::case_6_twice ... ok\n", ran);
        let program =
            "    def test_case_60_hour(self):\n        pass\n    def test_of_none(self):\n";
        found.extend(tests(program, live));
        let cases = &cases(CONTRACT)[..3];
        let untested = table(cases, &[], &found).unwrap();
        let expected = "   6  1 test        Delivered twice.\n      ok            it::case_6_twice\n \
                        43b  no test       An invented id.\n  60  1 test        An hour. ☁\n      \
                        real account  case_60_hour\n\n\
                        3 cases, 1 without a test, 0 waiting for what is not built yet\n";
        assert_eq!((untested.text.as_str(), untested.untested), (expected, 1));
    }

    #[test]
    fn a_case_that_waits_says_for_what_and_has_no_test() {
        let waiting = [Case {
            number: "43b",
            text: "Nobody invents ids yet.",
        }];
        let found = tests(
            "test it::case_6_twice ... ok\ntest case_60_hour ... ok\n",
            ran,
        );
        let waits = table(&cases(CONTRACT)[..3], &waiting, &found).unwrap();
        assert_eq!(waits.untested, 0);
        let line =
            " 43b  waits         An invented id.\n                    Nobody invents ids yet.\n";
        assert!(waits.text.contains(line), "{}", waits.text);
        let found = tests("test it::case_43b_ends ... ok\n", ran);
        assert!(table(&cases(CONTRACT)[..3], &waiting, &found).is_err());
    }

    #[test]
    fn a_test_of_an_unknown_case_is_an_error() {
        let found = tests("it::case_99_what: test\n", listed);
        let problem = table(&cases(CONTRACT), &[], &found)
            .err()
            .expect("an error")
            .to_string();
        assert!(
            problem.ends_with("has no case 99: it::case_99_what"),
            "{problem}"
        );
    }
}
