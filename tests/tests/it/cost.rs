//! What an operation costs in calls.

use express_tests::bench::{costs, heading};

#[test]
fn no_operation_and_no_poll_costs_more_calls_than_its_budget() {
    for cost in costs() {
        assert!(cost.is_within_budget(), "{}\n{cost}", heading());
    }
}
