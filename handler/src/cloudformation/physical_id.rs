//! Physical resource ids: what `Ref` returns and what later events carry back.
//!
//! The id of a service is its ECS service ARN (`Identity::service_arn`), known before the first change is made. An event's id is
//! never taken apart to find out what it means: CloudFormation invents one when it cancels a Create that
//! we have not answered, so the meaning is looked up by owner in the ledger.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html> (an id is
//! 1 byte to 1 KB)

use express_core::naming::ID_OF_NOTHING;

pub use express_core::naming::{PHYSICAL_ID_BYTES_MAX, id_of_nothing as of_nothing};

/// Whether we answered this id for a request that made nothing. A Delete of it has nothing to do.
#[must_use]
pub fn names_nothing(physical_id: &str) -> bool {
    physical_id.starts_with(ID_OF_NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_nothing_differs_by_request_and_is_never_empty_or_too_long() {
        assert_ne!(of_nothing(&"a".into()), of_nothing(&"b".into()));
        for request_id in ["", "a", &"é".repeat(2000)] {
            let id = of_nothing(&request_id.into());
            assert!(
                names_nothing(&id) && id.len() <= PHYSICAL_ID_BYTES_MAX,
                "{id}"
            );
        }
    }
}
