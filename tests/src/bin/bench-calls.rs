//! Prints what each operation costs in calls, against the budgets; fails when one is over.

use std::process::ExitCode;

use express_tests::bench::{Cost, costs, heading};

fn main() -> ExitCode {
    println!("{}", heading());
    let costs = costs();
    for cost in &costs {
        println!("{cost}");
    }
    if costs.iter().all(Cost::is_within_budget) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
