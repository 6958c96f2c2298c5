//! Where a request comes from, and whether that is where we are.
//!
//! A service token is an ARN that anybody with the permission to invoke the function can put into a
//! template, in another account too. A request is only served for stacks of the function's own
//! partition, region and account.

use std::fmt;

/// The ARN of a stack, copied verbatim into every answer, and its parts.
///
/// `arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackId {
    arn: String,
    place: Place,
    stack_name: String,
}

/// A partition, a region and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`…
    pub partition: String,
    /// Such as `eu-west-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

/// Why a request is not for this function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Lambda gave no ARN, as for a test event of some emulators.
    #[error(
        "the function was invoked without an ARN of its own (`{0}`), so it cannot tell whose stack this is"
    )]
    NoFunctionArn(String),
    /// The service token names a version or an alias. The waiter always calls the unqualified function, so
    /// one operation would be carried on by another version than the one that began it.
    #[error(
        "the ServiceToken names the version or alias `{0}` of the function; use its unqualified ARN"
    )]
    QualifiedFunction(String),
    /// The stack is elsewhere.
    #[error(
        "the stack is in {stack}, the provider in {function}; install the provider there and use its ServiceToken"
    )]
    Elsewhere {
        /// The stack's place.
        stack: Box<Place>,
        /// The function's.
        function: Box<Place>,
    },
}

impl StackId {
    /// Parses the ARN of a stack; `None` if `arn` is not one.
    #[must_use]
    pub fn parse(arn: &str) -> Option<Self> {
        let (place, resource) = arn_of(arn, "cloudformation")?;
        let (stack_name, id) = resource.strip_prefix("stack/")?.split_once('/')?;
        let valid = !stack_name.is_empty() && !id.is_empty() && !id.contains('/');
        valid.then(|| Self {
            arn: arn.to_owned(),
            place,
            stack_name: stack_name.to_owned(),
        })
    }

    /// The ARN as it was received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// The stack's partition, region and account.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The stack's name, for names and messages that people read.
    #[must_use]
    pub fn stack_name(&self) -> &str {
        &self.stack_name
    }

    /// Checks that the stack is where the invoked function is.
    ///
    /// A Delete of something that this provider cannot have made is better answered than refused: without
    /// this check, or the stack could never be deleted.
    ///
    /// # Errors
    /// If `function_arn` is not the unqualified ARN of a function in the stack's partition, region and
    /// account. The qualifier `$LATEST` means the unqualified function.
    ///
    /// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html>
    pub fn check_place(&self, function_arn: &str) -> Result<(), PlaceError> {
        let no_arn = || PlaceError::NoFunctionArn(function_arn.to_owned());
        let (function, resource) = arn_of(function_arn, "lambda").ok_or_else(no_arn)?;
        let name = resource.strip_prefix("function:").ok_or_else(no_arn)?;
        match name.split_once(':') {
            None | Some((_, "$LATEST")) => {}
            Some((_, qualifier)) => {
                return Err(PlaceError::QualifiedFunction(qualifier.to_owned()));
            }
        }
        if function == self.place {
            Ok(())
        } else {
            Err(PlaceError::Elsewhere {
                stack: Box::new(self.place.clone()),
                function: Box::new(function),
            })
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
        } = self;
        write!(
            f,
            "account `{account}`, region `{region}`, partition `{partition}`"
        )
    }
}

/// The place and the resource part of an ARN of `service`.
fn arn_of<'a>(arn: &'a str, service: &str) -> Option<(Place, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, its_service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let valid = prefix == "arn"
        && its_service == service
        && name(partition)
        && name(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit());
    let place = Place {
        partition: partition.to_owned(),
        region: region.to_owned(),
        account: account.to_owned(),
    };
    valid.then_some((place, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6f0a2c30-0001";

    #[test]
    fn a_stack_arn_has_a_place_and_a_name() {
        let stack = StackId::parse(STACK).unwrap();
        assert_eq!(stack.as_str(), STACK);
        assert_eq!(stack.stack_name(), "shop");
        assert_eq!(
            stack.place().to_string(),
            "account `111122223333`, region `eu-west-1`, partition `aws`"
        );
    }

    #[test]
    fn other_texts_are_not_stack_arns() {
        for text in [
            "",
            "shop",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack//id",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/a/b",
            "arn:aws:cloudformation:eu-west-1:11112222333:stack/shop/id",
            "arn:aws:cloudformation:eu-west-1:11112222333x:stack/shop/id",
            "arn:aws:cloudformation::111122223333:stack/shop/id",
            "arn:aws:cloudformation:EU west:111122223333:stack/shop/id",
            "arn:aws:lambda:eu-west-1:111122223333:function:f",
            "urn:aws:cloudformation:eu-west-1:111122223333:stack/shop/id",
        ] {
            assert_eq!(StackId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn case_12_only_stacks_of_the_functions_own_place_are_served() {
        let stack = StackId::parse(STACK).unwrap();
        for (function, expected) in [
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:express",
                "ok",
            ),
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:express:$LATEST",
                "ok",
            ),
            (
                "arn:aws:lambda:eu-west-1:111122223333:function:express:live",
                "version or alias `live`",
            ),
            (
                "arn:aws:lambda:eu-west-1:444455556666:function:express",
                "account `444455556666`",
            ),
            (
                "arn:aws:lambda:us-east-1:111122223333:function:express",
                "region `us-east-1`",
            ),
            (
                "arn:aws-cn:lambda:eu-west-1:111122223333:function:express",
                "partition `aws-cn`",
            ),
            ("express", "without an ARN"),
            ("", "without an ARN"),
        ] {
            let checked = stack
                .check_place(function)
                .map_or_else(|error| error.to_string(), |()| "ok".into());
            assert!(checked.contains(expected), "{function}: {checked}");
        }
    }
}
