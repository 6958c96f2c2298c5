//! Creating a service.

use express_tests::{Scenario, web};

#[test]
fn a_service_comes_up_and_goes() {
    let run = Scenario::new().create(web()).then_delete().run();
    println!("{}", run.trace());
    panic!("{:?}", run.seen());
}
