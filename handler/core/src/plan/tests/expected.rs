//! What a diagnosis expects of a service as it is planned.

use serde_json::json;

use super::world::GIVEN;
use super::{Web, seen, web};
use crate::diagnosis::Expected;

fn expected(web: Web) -> Expected {
    let observed = seen(web.clone()).world.observed;
    Expected::of(&web.desired(), &observed)
}

#[test]
fn the_provider_ends_what_nobody_else_does_once_the_circuit_breaker_is_off() {
    let of = |is_enabled: bool| {
        expected(web().set("/Deployment/CircuitBreaker/Enable", json!(is_enabled)))
    };
    assert!(!of(true).is_without_breaker);
    assert!(of(false).is_without_breaker);
}

#[test]
fn of_a_given_task_definition_nothing_is_expected_but_its_port() {
    let (ours, given) = (expected(web()), expected(web().given(GIVEN)));
    assert_eq!(ours.image.as_deref(), Some("web:1"));
    assert_eq!(given.image, None);
    assert_eq!((ours.port, ours.grace_s), (Some(80), 300));
}
