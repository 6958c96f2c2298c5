//! Why a service does not get on: evidence in, findings out.
//!
//! ECS says that a deployment failed; why, it says in five places: the tasks that stopped, the health of the
//! targets, the service's events, the alarms, and the container's log. Here they are put together. What AWS's
//! texts mean is in `texts`, what each cause is called, proves it and remedies it in `cause`, its sentence in
//! `wording`. Nothing here decides what is done about it.
//!
//! A finding is *certain* when the deployment cannot succeed any more: only then is it worth stopping. `own` tells
//! the deployment's evidence from that of others, `proof` has the rules; a healthy task makes every other finding
//! uncertain.

mod around;
mod cause;
mod evidence;
mod logs;
mod mask;
mod own;
mod progress;
mod proof;
mod targets;
mod tasks;
#[cfg(test)]
mod tests;
mod texts;
mod wording;

use serde::{Deserialize, Serialize};

use crate::decision::HandlerErrorCode;

pub use around::of_refusal;
pub use cause::{Cause, IAM_PROPAGATION_MS, Proof};
pub use evidence::{Alarm, Event, Evidence, Expected, StoppedContainer, StoppedTask, Target, Task};
pub use mask::Masks;
pub use own::has_spoken;
pub use progress::{Examined, Phase, Progress, is_worth_a_look};

/// Bytes of AWS's words in a sentence for people: the whole reason has 1,024.
const EVIDENCE_BYTES_MAX: usize = 260;

/// Bytes that are kept of each line of a log.
const LOG_LINE_BYTES_MAX: usize = 400;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub cause: Cause,
    /// One sentence with the names and numbers of this case.
    pub what: String,
    /// AWS's words, or the application's.
    pub evidence: String,
    /// Whether the deployment cannot succeed any more.
    pub is_certain: bool,
}

/// What is kept of a finding until it is answered: targets and weights are gone once ECS has rolled back. In
/// words only, so that an older provider reads the causes of a newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// ARN of the deployment that it is about; none for what was seen before one, or by an older provider.
    #[serde(default)]
    pub deployment_arn: Option<String>,
    /// [`Cause::code`]
    pub code: String,
    /// CloudFormation's word for it.
    pub class: HandlerErrorCode,
    /// Sentence and evidence.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// Whether the deployment cannot succeed any more.
    pub is_certain: bool,
}

impl Finding {
    /// A finding that needs no evidence but `text`.
    #[must_use]
    pub fn plain(cause: Cause, text: &str, expected: &Expected) -> Self {
        let evidence = Evidence {
            expected: expected.clone(),
            ..Evidence::default()
        };
        Self {
            cause,
            what: wording::sentence(cause, text, &evidence),
            evidence: text.to_owned(),
            is_certain: true,
        }
    }

    /// What is kept and told of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut evidence = self.evidence.trim().to_owned();
        if evidence.len() > EVIDENCE_BYTES_MAX {
            evidence.truncate(evidence.floor_char_boundary(EVIDENCE_BYTES_MAX));
            evidence.push('…');
        }
        // Sentences around it end with a point of their own.
        let evidence = evidence.trim_end_matches('.');
        let what = if evidence.is_empty() {
            self.what.clone()
        } else {
            format!("{} ({evidence})", self.what)
        };
        Verdict {
            deployment_arn: None,
            code: self.cause.code().to_owned(),
            class: self.cause.class(),
            what,
            remedy: self.cause.remedy().to_owned(),
            is_certain: self.is_certain,
        }
    }
}

impl Verdict {
    /// Whether what AWS refused a role may be nothing but a role, or a policy, that is not known everywhere yet.
    #[must_use]
    pub fn may_be_iam_propagation(&self) -> bool {
        let mut causes = Cause::ALL.iter();
        !self.is_certain && causes.any(|cause| cause.code() == self.code && cause.is_of_a_role())
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.what)
    }
}

/// All that the evidence tells, the most telling first; each cause once.
#[must_use]
pub fn diagnose(evidence: &Evidence) -> Vec<Finding> {
    let evidence = own::own(&masked(evidence));
    let mut found = tasks::findings(&evidence);
    found.extend(targets::findings(&evidence));
    found.extend(around::findings(&evidence));
    found.sort_by_key(|finding| (!finding.is_certain, finding.cause));
    let mut told = std::collections::BTreeSet::new();
    found.retain(|finding| told.insert(finding.cause));
    found
}

/// The evidence as it may be shown.
fn masked(evidence: &Evidence) -> Evidence {
    let masks = &evidence.expected.masks;
    let mut masked = evidence.clone();
    for lines in [&mut masked.first_lines, &mut masked.last_lines] {
        *lines = masks.cover_log(lines);
        for line in lines {
            // Only now: half a secret would not be known for one.
            line.truncate(line.floor_char_boundary(LOG_LINE_BYTES_MAX));
        }
    }
    let stopped = masked.tasks.iter_mut().filter_map(|it| it.stopped.as_mut());
    let of_tasks = stopped.flat_map(|stopped| {
        let of_containers = stopped.containers.iter_mut().map(|it| &mut it.reason);
        std::iter::once(&mut stopped.reason).chain(of_containers)
    });
    let texts = of_tasks
        .filter_map(Option::as_mut)
        .chain(masked.events.iter_mut().map(|event| &mut event.text))
        .chain(&mut masked.status_reason);
    for text in texts {
        *text = masks.cover(text);
    }
    masked
}
