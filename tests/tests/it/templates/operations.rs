//! Which operations the handler uses, read from its sources: every call ends in `aws_error("service:Operation")`, and
//! that name is the IAM action.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::path;

/// What a transaction is called; IAM knows only the actions of its parts.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
const TRANSACTION: &str = "dynamodb:TransactWriteItems";

/// The parts that a transaction may have: the builder's method, and the IAM action.
const TRANSACTION_PARTS: [(&str, &str); 4] = [
    (".condition_check(", "dynamodb:ConditionCheckItem"),
    (".delete(", "dynamodb:DeleteItem"),
    (".put(", "dynamodb:PutItem"),
    (".update(", "dynamodb:UpdateItem"),
];

/// The IAM actions of all calls in `handler/src`.
pub fn used() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in sources() {
        names.extend(operations(&text));
    }
    assert!(names.remove(TRANSACTION), "there are no transactions");
    for text in sources() {
        names.extend(transaction_parts(&text).map(str::to_owned));
    }
    names
}

/// The texts of the handler's sources, without their tests.
fn sources() -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![path("handler/src")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path());
        for entry in entries {
            if entry.is_dir() {
                folders.push(entry);
            } else if is_source(&entry) {
                texts.push(without_tests(&fs::read_to_string(&entry).unwrap()));
            }
        }
    }
    texts
}

fn is_source(path: &PathBuf) -> bool {
    let name = Path::new(path).file_name().unwrap_or_default();
    path.extension().is_some_and(|extension| extension == "rs")
        && name != "tests.rs"
        && name != "fake_aws.rs"
}

/// Tests are at the foot of a file; comments may speak of operations that are not called.
fn without_tests(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// String literals of the form `service:Operation`.
fn operations(text: &str) -> impl Iterator<Item = String> {
    text.split('"').filter_map(|literal| {
        let (service, operation) = literal.split_once(':')?;
        let is_service = !service.is_empty()
            && service
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let is_operation = operation.starts_with(|first: char| first.is_ascii_uppercase())
            && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_service && is_operation).then(|| literal.to_owned())
    })
}

fn transaction_parts(text: &str) -> impl Iterator<Item = &'static str> {
    let builders: Vec<&str> = text
        .split("TransactWriteItem::builder()")
        .skip(1)
        .map(str::trim_start)
        .collect();
    builders.into_iter().map(|builder| {
        let part = TRANSACTION_PARTS
            .iter()
            .find(|(method, _)| builder.starts_with(method));
        part.unwrap_or_else(|| panic!("what part is {}?", builder.lines().next().unwrap()))
            .1
    })
}

#[test]
fn operations_are_found_in_calls_and_constants_but_not_in_comments_and_tests() {
    let text = "// \"ecs:ListTasks\"\nconst O: &str = \"ecs:CreateService\";\n\
                f(aws_error(\"application-autoscaling:TagResource\")); g(\"x: Y\", \"pk\", \"a:b\");\n\
                TransactWriteItem::builder()\n    .put(put)\n\
                #[cfg(test)]\nmod tests {\n\"ecs:DeleteService\"\n}\n";
    let code = without_tests(text);
    let found: Vec<String> = operations(&code).collect();
    assert_eq!(
        found,
        ["ecs:CreateService", "application-autoscaling:TagResource"]
    );
    assert_eq!(
        transaction_parts(&code).collect::<Vec<_>>(),
        ["dynamodb:PutItem"]
    );
}

/// A call that is named as another operation would need a permission that nobody looks for.
#[test]
fn every_call_is_named_as_what_it_is() {
    let mut called = BTreeSet::new();
    let mut named = BTreeSet::new();
    for text in sources() {
        called.extend(calls(&text));
        named.extend(operations(&text));
    }
    assert_eq!(called, named);
}

/// The fields of `AwsClients`, and how IAM calls the service of each.
const CLIENTS: [(&str, &str); 10] = [
    ("autoscaling", "application-autoscaling"),
    ("cloudwatch", "cloudwatch"),
    ("dynamodb", "dynamodb"),
    ("ec2", "ec2"),
    ("ecs", "ecs"),
    ("elbv2", "elasticloadbalancing"),
    ("kms", "kms"),
    ("logs", "logs"),
    ("route53", "route53"),
    ("sfn", "states"),
];

/// The operations that the SDK's clients are asked for: `aws.ecs.create_service()`.
fn calls(text: &str) -> Vec<String> {
    let bare: String = text.split_whitespace().collect();
    let mut found = Vec::new();
    for (client, service) in CLIENTS {
        for rest in bare.split(&format!("aws.{client}.")).skip(1) {
            let method = rest.split('(').next().unwrap_or_default();
            let words = method.split('_').map(|word| {
                let (first, others) = word.split_at(1);
                first.to_ascii_uppercase() + others
            });
            found.push(format!("{service}:{}", words.collect::<String>()));
        }
    }
    found
}
