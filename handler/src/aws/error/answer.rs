//! Answers that AWS gave but that cannot be used: a member is missing, a value is not known here.
//!
//! AWS's models mark nearly every member of an answer as optional, although AWS always sends it. What
//! this provider relies on is checked where it is read; a missing member fails with its name instead of
//! becoming an empty string that is planned on.

use aws_smithy_types::error::operation::BuildError;
use express_core::decision::HandlerErrorCode;

use super::{AwsError, NO_CODE};

/// Pages of one listing at most. The longest are the rules of a listener (100 a page) and the revisions
/// of a task definition family (100 a page).
pub const PAGES_MAX: usize = 50;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum UnusableAnswer {
    /// A member that AWS always sends is not there.
    #[error("the answer has no `{0}`")]
    Missing(&'static str),
    /// A value that was added to AWS after this was written, or is out of its range.
    #[error("the answer has an unknown value in `{member}`: `{value}`")]
    UnknownValue {
        /// AWS's name of the member.
        member: &'static str,
        /// As AWS sent it.
        value: String,
    },
    /// More pages than anything of ours can fill.
    #[error("the listing has more than {PAGES_MAX} pages")]
    TooManyPages,
}

impl AwsError {
    fn unusable(operation: &'static str, problem: UnusableAnswer) -> Self {
        Self {
            operation,
            code: NO_CODE.to_owned(),
            message: problem.to_string(),
            class: HandlerErrorCode::GeneralServiceException,
            request_id: None,
            source: Box::new(problem),
        }
    }
}

/// A member that AWS always sends.
///
/// # Errors
/// When it is not there.
pub fn member<T>(
    operation: &'static str,
    name: &'static str,
    value: Option<T>,
) -> Result<T, AwsError> {
    value.ok_or_else(|| AwsError::unusable(operation, UnusableAnswer::Missing(name)))
}

/// A text that AWS always sends and that is never empty: an ARN, an id, a name.
///
/// # Errors
/// When it is not there, or empty.
pub fn text(
    operation: &'static str,
    name: &'static str,
    value: Option<&str>,
) -> Result<String, AwsError> {
    member(operation, name, value.filter(|text| !text.is_empty())).map(str::to_owned)
}

/// A number that AWS always sends, in the range of `N`.
///
/// # Errors
/// When it is not there, or out of range.
pub fn number<N: TryFrom<i32>>(
    operation: &'static str,
    name: &'static str,
    value: Option<i32>,
) -> Result<N, AwsError> {
    let number = member(operation, name, value)?;
    N::try_from(number).map_err(|_| unknown_value(operation, name, &number.to_string()))
}

/// A value that this provider does not know.
#[must_use]
pub fn unknown_value(operation: &'static str, member: &'static str, value: &str) -> AwsError {
    AwsError::unusable(
        operation,
        UnusableAnswer::UnknownValue {
            member,
            value: value.to_owned(),
        },
    )
}

/// A listing that does not end.
#[must_use]
pub fn too_many_pages(operation: &'static str) -> AwsError {
    AwsError::unusable(operation, UnusableAnswer::TooManyPages)
}

/// A request of ours that lacks a required member: `.build().map_err(unbuildable("ecs:CreateService"))`.
/// No input can cause it; it is a bug.
pub fn unbuildable(operation: &'static str) -> impl FnOnce(BuildError) -> AwsError {
    move |problem| AwsError {
        operation,
        code: NO_CODE.to_owned(),
        message: problem.to_string(),
        class: HandlerErrorCode::InternalFailure,
        request_id: None,
        source: Box::new(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_members_are_named() {
        for value in [None, Some("")] {
            let error = text("ecs:CreateService", "serviceArn", value).expect_err("unusable");
            assert_eq!(error.message, "the answer has no `serviceArn`");
            assert_eq!(error.class, HandlerErrorCode::GeneralServiceException);
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(number::<u16>("x:Y", "Port", Some(443)).ok(), Some(443));
        let error = number::<u16>("x:Y", "Port", Some(-1)).expect_err("out of range");
        assert_eq!(
            error.message,
            "the answer has an unknown value in `Port`: `-1`"
        );
    }
}
