//! Stacks as CloudFormation shows them: what a user sees of the provider.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use roxmltree::{Document, Node};

use super::gateway::Gateway;

/// Between two looks at a stack; a stack here takes seconds.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a stack's own event says when an operation begins; a rollback belongs to what it undoes.
const BEGINNINGS: [&str; 3] = [
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
];

/// A stack to be.
#[derive(Clone, Debug)]
pub struct Stack<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its template's text.
    pub template: &'a str,
    /// Its parameters' names and values.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// What CloudFormation shows of a stack.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The stack's status, for example `CREATE_COMPLETE`.
    pub status: String,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Physical ids of its custom resources, by logical id; none for one that is gone.
    pub physical_ids: BTreeMap<String, String>,
    /// Reasons of the failures of its resources in the newest operation, oldest first.
    pub failures: Vec<String>,
}

impl Seen {
    /// An output's value.
    ///
    /// # Errors
    /// When the stack has no such output.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("the stack has no output `{name}`"))
    }

    /// A custom resource's physical id.
    ///
    /// # Errors
    /// When the stack has no such resource.
    pub fn physical_id(&self, logical_id: &str) -> anyhow::Result<&str> {
        self.physical_ids
            .get(logical_id)
            .map(String::as_str)
            .with_context(|| format!("the stack has no resource `{logical_id}`"))
    }
}

impl Stack<'_> {
    /// Creates the stack and waits until CloudFormation is done with it.
    ///
    /// # Errors
    /// When CloudFormation refuses the call. That the creation fails is no error, but seen.
    pub async fn create(&self, gateway: Gateway) -> anyhow::Result<Seen> {
        self.submit(gateway, "CreateStack").await?;
        settled(gateway, self.name).await
    }

    /// Updates the stack and waits until CloudFormation is done with it.
    ///
    /// # Errors
    /// When CloudFormation refuses the call.
    pub async fn update(&self, gateway: Gateway) -> anyhow::Result<Seen> {
        self.submit(gateway, "UpdateStack").await?;
        settled(gateway, self.name).await
    }

    async fn submit(&self, gateway: Gateway, action: &str) -> anyhow::Result<()> {
        let members: Vec<(String, &str)> = (1..)
            .zip(self.parameters)
            .flat_map(|(member, (name, value))| {
                let prefix = format!("Parameters.member.{member}.Parameter");
                [
                    (format!("{prefix}Key"), *name),
                    (format!("{prefix}Value"), *value),
                ]
            })
            .collect();
        let mut parameters = vec![
            ("StackName", self.name),
            ("TemplateBody", self.template),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
        ];
        parameters.extend(members.iter().map(|(name, value)| (name.as_str(), *value)));
        gateway.cloudformation(action, &parameters).await.map(drop)
    }
}

/// Deletes a stack and waits until it is gone, or is not.
///
/// # Errors
/// When CloudFormation refuses the call.
pub async fn delete(gateway: Gateway, name: &str) -> anyhow::Result<Seen> {
    // Afterwards only its ARN finds a deleted stack.
    let text = gateway
        .cloudformation("DescribeStacks", &[("StackName", name)])
        .await?;
    let document = Document::parse(&text)?;
    let id = value(document.root(), "StackId").context("the stack has no id")?;
    gateway
        .cloudformation("DeleteStack", &[("StackName", name)])
        .await?;
    settled(gateway, id).await
}

async fn settled(gateway: Gateway, name: &str) -> anyhow::Result<Seen> {
    loop {
        let seen = look(gateway, name).await?;
        if !seen.status.ends_with("_IN_PROGRESS") {
            return Ok(seen);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What CloudFormation shows of a stack now.
///
/// # Errors
/// When there is no such stack.
pub async fn look(gateway: Gateway, name: &str) -> anyhow::Result<Seen> {
    let text = gateway
        .cloudformation("DescribeStacks", &[("StackName", name)])
        .await?;
    let document = Document::parse(&text)?;
    let status = value(document.root(), "StackStatus")
        .context("the stack has no status")?
        .to_owned();
    let outputs = outputs(&document);
    let (physical_ids, failures) = happened(gateway, name).await?;
    Ok(Seen {
        status,
        outputs,
        physical_ids,
        failures,
    })
}

fn outputs(document: &Document<'_>) -> BTreeMap<String, String> {
    let pair = |member: Node<'_, '_>| {
        let key = value(member, "OutputKey")?.to_owned();
        Some((key, value(member, "OutputValue")?.to_owned()))
    };
    members(document, "Outputs").filter_map(pair).collect()
}

/// From the stack's events: the custom resources that exist, and the failures.
async fn happened(
    gateway: Gateway,
    name: &str,
) -> anyhow::Result<(BTreeMap<String, String>, Vec<String>)> {
    let text = gateway
        .cloudformation("DescribeStackEvents", &[("StackName", name)])
        .await?;
    let document = Document::parse(&text)?;
    let mut physical_ids = BTreeMap::new();
    let mut failures = Vec::new();
    // The newest event comes first.
    let mut events: Vec<Node<'_, '_>> = members(&document, "StackEvents").collect();
    events.reverse();
    for event in events {
        let field = |name| value(event, name).unwrap_or_default();
        let (logical_id, status) = (field("LogicalResourceId"), field("ResourceStatus"));
        if BEGINNINGS.contains(&status) && field("ResourceType") == "AWS::CloudFormation::Stack" {
            failures.clear();
        }
        if status.ends_with("_FAILED") {
            failures.push(format!("{logical_id}: {}", field("ResourceStatusReason")));
        }
        if !field("ResourceType").starts_with("Custom::") {
            continue;
        }
        if status == "DELETE_COMPLETE" {
            physical_ids.remove(logical_id);
        } else if status.ends_with("_COMPLETE") {
            physical_ids.insert(
                logical_id.to_owned(),
                field("PhysicalResourceId").to_owned(),
            );
        }
    }
    Ok((physical_ids, failures))
}

/// The `member` elements of a list.
fn members<'a>(document: &'a Document<'_>, list: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document
        .descendants()
        .filter(move |node| node.has_tag_name_local(list))
        .flat_map(|node| node.children().filter(Node::is_element))
}

/// The text of the first element of that name.
fn value<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.descendants()
        .find(|node| node.has_tag_name_local(name))?
        .text()
}

/// Namespaces differ from service to service and say nothing here.
trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
