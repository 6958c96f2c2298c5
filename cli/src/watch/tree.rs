//! A snapshot as a tree, line by line.

use express_core::resources::ecs_service::DeploymentStatus;

use super::facts::summary;
use super::snapshot::{Deployment, Revision, Service, Snapshot};
use super::words;
use crate::time::{clock, duration};

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Something is going on.
    Busy,
    /// Something is wrong.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// Before the text; a terminal without colours shows it too.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓ ",
            Self::Busy => "… ",
            Self::Bad => "✗ ",
            Self::Plain => "",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is meant.
    pub tone: Tone,
    /// The branches that lead to it.
    pub branches: String,
    /// What it says.
    pub text: String,
}

impl Line {
    /// Without colours.
    #[must_use]
    pub fn plain(&self) -> String {
        format!("{}{}{}", self.branches, self.tone.mark(), self.text)
    }
}

/// A thing and what belongs to it.
struct Node {
    tone: Tone,
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn leaf(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
            children: Vec::new(),
        }
    }
}

/// The tree of a snapshot.
#[must_use]
pub fn lines(snapshot: &Snapshot) -> Vec<Line> {
    let root = match &snapshot.service {
        Some(service) => of_service(service, snapshot.at_ms),
        None => Node::leaf(Tone::Busy, "there is no such service yet"),
    };
    let mut lines = Vec::new();
    lay(root, "", "", &mut lines);
    lines
}

fn lay(node: Node, branches: &str, below: &str, lines: &mut Vec<Line>) {
    let Node {
        tone,
        text,
        children,
    } = node;
    lines.push(Line {
        tone,
        branches: branches.to_owned(),
        text,
    });
    let last = children.len().saturating_sub(1);
    for (index, child) in children.into_iter().enumerate() {
        let (twig, next) = if index == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        lay(
            child,
            &format!("{below}{twig}"),
            &format!("{below}{next}"),
            lines,
        );
    }
}

fn of_service(service: &Service, now_ms: u64) -> Node {
    let mut children = Vec::new();
    for host in &service.hosts {
        children.push(Node::leaf(Tone::Plain, format!("https://{host}")));
    }
    children.extend(
        service
            .deployment
            .iter()
            .map(|deployment| of_deployment(deployment, now_ms)),
    );
    children.extend(service.findings.iter().map(|finding| Node {
        children: vec![Node::leaf(
            Tone::Plain,
            format!("to do: {}", finding.remedy),
        )],
        ..Node::leaf(Tone::Bad, finding.to_string())
    }));
    children.extend(service.alarms.iter().map(|alarm| {
        let (tone, reason) = match alarm.state.as_str() {
            "OK" => (Tone::Good, None),
            "ALARM" => (Tone::Bad, Some(alarm.reason.as_str())),
            _ => (Tone::Busy, None),
        };
        Node::leaf(tone, words::alarm(&alarm.name, &alarm.state, reason))
    }));
    children.extend(of_groups(service));
    children.extend(service.parts.iter().map(|part| {
        let tone = match part.state.as_str() {
            "provisioning" => Tone::Busy,
            "failed" | "not found" => Tone::Bad,
            _ => Tone::Good,
        };
        Node::leaf(tone, format!("{} {}: {}", part.kind, part.name, part.state))
    }));
    let unread = service.unread.iter();
    children.extend(unread.map(|text| Node::leaf(Tone::Bad, format!("not shown: {text}"))));
    if !service.events.is_empty() {
        let events = service.events.iter();
        children.push(Node {
            children: events
                .map(|event| {
                    let text = format!("{}  {}", clock(event.at_ms), words::event(&event.message));
                    Node::leaf(Tone::Plain, text)
                })
                .collect(),
            ..Node::leaf(Tone::Plain, "events, the newest first")
        });
    }
    let is_steady = service.tasks.running == service.tasks.desired && service.tasks.pending == 0;
    let tone = if service.status == "ACTIVE" && is_steady {
        Tone::Good
    } else {
        Tone::Busy
    };
    let text = format!(
        "service {} in cluster {}: {}, {}, {}",
        service.arn.name,
        service.arn.cluster,
        service.status,
        words::tasks(service.tasks),
        service.task_definition
    );
    Node {
        tone,
        text,
        children,
    }
}

fn of_deployment(deployment: &Deployment, now_ms: u64) -> Node {
    let tone = match deployment.standing {
        DeploymentStatus::Successful => Tone::Good,
        DeploymentStatus::Running => Tone::Busy,
        DeploymentStatus::GoingBack | DeploymentStatus::Failed => Tone::Bad,
    };
    let until_ms = deployment.ended_ms.unwrap_or(now_ms);
    let text = format!(
        "{}, {} for {}",
        words::deployment(
            &deployment.id,
            deployment.strategy.as_deref(),
            &deployment.status,
            deployment.stage_of_interest()
        ),
        if deployment.ended_ms.is_some() {
            "ran"
        } else {
            "runs"
        },
        duration(until_ms.saturating_sub(deployment.began_ms))
    );
    let mut children = Vec::new();
    if let Some(reason) = &deployment.status_reason {
        children.push(Node::leaf(Tone::Bad, reason.clone()));
    }
    if let Some(percent) = deployment.new.as_ref().and_then(|new| new.percent) {
        let text = words::traffic(percent, deployment.old_percent());
        children.push(Node::leaf(Tone::Plain, text));
    }
    if let Some(bake) = deployment.bake {
        let left = duration(bake.ends_ms.saturating_sub(now_ms));
        let text = format!(
            "{}: {left} left, until {}",
            bake.what.name(),
            clock(bake.ends_ms)
        );
        children.push(Node::leaf(Tone::Busy, text));
    }
    let new = deployment
        .new
        .iter()
        .map(|revision| of_revision("new", revision));
    let old = deployment
        .old
        .iter()
        .map(|revision| of_revision("old", revision));
    children.extend(new.chain(old));
    if deployment.failures > 0 {
        let limit = deployment.threshold.map_or_else(String::new, |limit| {
            format!(" of {limit} that end the deployment")
        });
        let text = format!("{} failed tasks{limit}", deployment.failures);
        children.push(Node::leaf(Tone::Bad, text));
    }
    Node {
        tone,
        text,
        children,
    }
}

fn of_revision(role: &str, revision: &Revision) -> Node {
    let text = words::revision(
        role,
        &revision.id,
        revision.task_definition.as_deref(),
        revision.tasks,
    );
    Node::leaf(Tone::Plain, text)
}

fn of_groups(service: &Service) -> impl Iterator<Item = Node> {
    service.groups.iter().filter_map(|group| {
        let (states, reasons) = summary(group.targets.as_ref()?);
        let tone = if states.contains_key("unhealthy") {
            Tone::Bad
        } else if states.keys().any(|state| state != "healthy") {
            Tone::Busy
        } else {
            Tone::Good
        };
        let text = words::targets(group.name(), service.role_of(&group.arn), &states, &reasons);
        Some(Node::leaf(tone, text))
    })
}
