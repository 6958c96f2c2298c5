//! A simulator that does not notice a missing rule would prove nothing.

use std::rc::Rc;

use express_protocol::rules::Gap;
use express_protocol::{History, Options, Rule, World};

/// Histories within which a missing rule is found; as designed, as many are found to hold.
const HISTORIES: u64 = 20_000;
/// Histories within which a known gap is found. They are rare: a request is unknown to the ledger only when it was over
/// before its event arrived.
const HISTORIES_OF_A_GAP: u64 = 100_000;

fn first_failure(options: Options, histories: u64) -> Option<u64> {
    (0..histories).find(|seed| {
        World::run(&Rc::new(History::of(*seed)), options)
            .violation
            .is_some()
    })
}

#[test]
fn the_protocol_holds_as_designed() {
    assert_eq!(first_failure(Options::default(), HISTORIES), None);
}

#[test]
fn each_rule_that_is_left_out_is_missed() {
    for rule in Rule::ALL {
        let options = Options {
            off: Some(rule),
            ..Options::default()
        };
        let found = first_failure(options, HISTORIES);
        assert!(found.is_some(), "nothing is wrong without {}", rule.name());
    }
}

#[test]
fn a_history_is_played_the_same_each_time() {
    let options = Options {
        traces: true,
        ..Options::default()
    };
    for seed in 0..100 {
        let history = Rc::new(History::of(seed));
        let (one, other) = (World::run(&history, options), World::run(&history, options));
        assert_eq!(one.trace, other.trace);
        assert!(!one.trace.is_empty());
    }
}

/// When one of these no longer fails, the gap is closed and can be taken out.
#[test]
fn the_known_gaps_are_there() {
    for gap in Gap::ALL {
        let options = Options {
            gap: Some(gap),
            ..Options::default()
        };
        let found = first_failure(options, HISTORIES_OF_A_GAP);
        assert!(found.is_some(), "{} is closed", gap.name());
    }
}
