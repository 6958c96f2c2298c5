//! From a seed to a history.

use fastrand::Rng;
use local_aws::fault::Fault;

use super::history::STACKS;
use super::{Drift, Event, History, Image, Service, Timed};
use crate::changes::{FIRST_CHANGES, changes};
use crate::cloudformation::{FailedCreate, FailedReplacement};

/// Events of one history. Few: what goes wrong needs few, and a short history leaves time for more of them.
const EVENTS: std::ops::RangeInclusive<usize> = 3..=7;
/// Pauses between events, in seconds: at once, within an attempt, within a deployment, after it, after an hour.
const PAUSES_S: [u64; 10] = [0, 0, 1, 3, 12, 31, 70, 200, 700, 3_600];
/// When a sibling fails: before anything was made, while it is made, while it deploys, when all is done.
const SIBLING_S: [u64; 7] = [0, 1, 5, 31, 90, 400, 1_500];
/// Calls that are denied one at a time: those that make or change a service's own parts.
const DENIED: [&str; 8] = [
    "ecs:CreateService",
    "ecs:UpdateService",
    "ecs:RegisterTaskDefinition",
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:CreateRule",
    "application-autoscaling:RegisterScalableTarget",
    "cloudwatch:PutMetricAlarm",
    "route53:ChangeResourceRecordSets",
];
/// Calls from now on among which a fault strikes: about two operations.
const FAULT_WITHIN: u64 = 150;

/// Seeds from here on also know the changes after the first ones. Those below, among them all that have found something,
/// mean what they always did.
pub const LATER_CHANGES_FROM: u64 = 1 << 32;

/// Seeds from here on also know what was added last: small load balancers, calls that land after their attempt has ended,
/// attempts that hang, tables that are set back more often.
pub const NEWEST_FROM: u64 = 1 << 63;

/// Seeds from here on also know people who take back what they have changed.
pub const TAKEN_BACK_FROM: u64 = 15 << 60;

/// Seeds from here on also know stacks that are deployed with `--disable-rollback`, and requests that are issued again.
pub const PRESERVING_FROM: u64 = 61 << 58;

/// The history of a seed.
#[must_use]
pub fn generate(seed: u64) -> History {
    let mut random = Rng::with_seed(seed);
    let mut events = vec![Timed {
        pause_s: 0,
        event: deploy(&mut random),
    }];
    for _ in 1..random.usize(EVENTS) {
        let pause_s = *pick(&mut random, &PAUSES_S);
        events.push(Timed {
            pause_s,
            event: event(&mut random),
        });
    }
    let redelivered_after_s = one_in(&mut random, 12).then(|| random.u64(0..200));
    let reaction = if random.bool() {
        FailedReplacement::DeleteAnsweredId
    } else {
        FailedReplacement::UpdateBack
    };
    // What comes later is drawn last: so the seeds of earlier findings still mean the same.
    let two_versions = one_in(&mut random, 3);
    // From a source of its own, so that what a seed was found for happens in its history still.
    let mut moves = Rng::with_seed(!seed);
    if one_in(&mut moves, 3) {
        events.extend(a_move(&mut moves, &events));
    }
    if seed >= LATER_CHANGES_FROM {
        later_changes(seed, &mut events);
    }
    let mut history = History {
        seed,
        redelivered_after_s,
        reaction,
        preserving: None,
        two_versions,
        members_max: None,
        events,
    };
    if seed >= NEWEST_FROM {
        newest(&mut history);
    }
    if seed >= TAKEN_BACK_FROM {
        taken_back(&mut history);
    }
    if seed >= PRESERVING_FROM {
        preserving(&mut history);
        issued_again(&mut history);
    }
    history
}

fn event(random: &mut Rng) -> Event {
    let stack = random.usize(0..STACKS);
    match random.u32(0..100) {
        0..=39 => deploy(random),
        40..=44 => Event::UpdateUnchanged { stack },
        45..=54 => Event::Delete { stack },
        55..=67 => fault(random),
        68..=81 => Event::Drift {
            drift: *pick(random, &Drift::ALL),
            which: random.usize(0..8),
        },
        82..=85 => Event::ForeignRule,
        86..=93 => Event::Redeliver {
            which: random.usize(0..16),
        },
        94..=95 => Event::Sweep,
        96..=97 => Event::BackUp,
        _ => Event::Restore,
    }
}

/// One of the deployments again, with a service on another load balancer: of its own instead of a shared one, or inside
/// instead of outside.
fn a_move(random: &mut Rng, events: &[Timed]) -> Option<Timed> {
    let deployments = events.iter().map(|timed| &timed.event);
    let deployments: Vec<&Event> = deployments
        .filter(|event| matches!(event, Event::Deploy { .. }))
        .collect();
    let mut event = (*deployments.get(random.usize(0..deployments.len().max(1)))?).clone();
    if let Event::Deploy { services, .. } = &mut event
        && let Some(service) = services.first_mut()
    {
        if random.bool() {
            service.is_dedicated = !service.is_dedicated;
        } else {
            service.is_internal = !service.is_internal;
        }
    }
    Some(Timed {
        pause_s: *pick(random, &PAUSES_S),
        event,
    })
}

/// Every third service has one of the later changes, from a source of their own.
fn later_changes(seed: u64, events: &mut [Timed]) {
    let mut random = Rng::with_seed(seed.rotate_left(32));
    let count = changes().len();
    for timed in events {
        if let Event::Deploy { services, .. } = &mut timed.event {
            for service in services {
                if one_in(&mut random, 3) {
                    let later = random.usize(FIRST_CHANGES..count);
                    service.changes.push(later);
                }
            }
        }
    }
}

/// What was added last, from a source of its own.
fn newest(history: &mut History) {
    let mut random = Rng::with_seed(history.seed.rotate_left(16));
    if one_in(&mut random, 3) {
        history.members_max = Some(random.u64(1..4));
    }
    if one_in(&mut random, 2) {
        let (fault, times) = if one_in(&mut random, 4) {
            (Fault::Hang, 1)
        } else {
            (Fault::LandAfter, random.u64(1..14))
        };
        let event = Event::Fault {
            call: None,
            first: random.u64(0..FAULT_WITHIN),
            times,
            fault,
        };
        insert(&mut random, history, 0, event);
    }
    if one_in(&mut random, 12) {
        let copied = insert(&mut random, history, 1, Event::BackUp);
        insert(&mut random, history, copied + 2, Event::Restore);
    }
}

/// One of the deployments is changed, and at the end all is to be as before; half of the time somebody does something by
/// hand meanwhile. From a source of its own.
fn taken_back(history: &mut History) {
    let mut random = Rng::with_seed(history.seed.rotate_left(48));
    let is_deployment = |number: &usize| {
        let event = &history.events[*number].event;
        matches!(event, Event::Deploy { .. })
    };
    let deployments: Vec<usize> = (0..history.events.len()).filter(is_deployment).collect();
    let before = *pick(&mut random, &deployments);
    let mut changed = history.events[before].event.clone();
    let mut back = changed.clone();
    if let Event::Deploy { services, .. } = &mut changed
        && let Some(service) = services.first_mut()
    {
        service.changes.push(random.usize(0..changes().len()));
    }
    if let Event::Deploy {
        sibling_fails_after_s,
        ..
    } = &mut back
    {
        *sibling_fails_after_s = None;
    }
    let mut then = insert(&mut random, history, before + 1, changed);
    if random.bool() {
        let by_hand = Event::Drift {
            drift: *pick(&mut random, &Drift::ALL),
            which: random.usize(0..8),
        };
        let drifted = insert(&mut random, history, before + 1, by_hand);
        then = if drifted <= then { then + 1 } else { drifted };
    }
    insert(&mut random, history, then + 1, back);
}

/// From a source of its own.
fn preserving(history: &mut History) {
    let mut random = Rng::with_seed(history.seed.rotate_left(8));
    let when = [FailedCreate::DeletedFirst, FailedCreate::DeletedLast];
    if one_in(&mut random, 3) {
        history.preserving = Some(*pick(&mut random, &when));
        for _ in 0..random.usize(0..3) {
            let stack = random.usize(0..STACKS);
            insert(&mut random, history, 1, Event::RollBack { stack });
        }
    }
}

/// Some requests are issued once more while they are waited for. From a source of its own.
fn issued_again(history: &mut History) {
    let mut random = Rng::with_seed(history.seed.rotate_left(24));
    for _ in 0..random.usize(0..3) {
        let which = random.usize(0..4);
        insert(&mut random, history, 1, Event::IssueAgain { which });
    }
}

/// Puts an event among those from number `first` on; its number.
fn insert(random: &mut Rng, history: &mut History, first: usize, event: Event) -> usize {
    let count = history.events.len();
    let number = random.usize(first.min(count)..=count);
    let pause_s = *pick(random, &PAUSES_S);
    history.events.insert(number, Timed { pause_s, event });
    number
}

fn deploy(random: &mut Rng) -> Event {
    let stack = random.usize(0..STACKS);
    let mut services = vec![service(random, stack, 0)];
    if one_in(random, 3) {
        services.push(service(random, stack, 1));
    }
    Event::Deploy {
        stack,
        services,
        sibling_fails_after_s: one_in(random, 6).then(|| *pick(random, &SIBLING_S)),
    }
}

/// Mostly each has a name of its own, so that not every stack is refused.
fn service(random: &mut Rng, stack: usize, logical_id: usize) -> Service {
    let usual = stack + 3 * logical_id;
    let mut service = Service::plain(logical_id, usual);
    match random.u32(0..20) {
        0 => service.name = None,
        1 | 2 => service.name = Some(random.usize(0..5)),
        _ => {}
    }
    service.image = match random.u32(0..24) {
        0 => Image::Unhealthy,
        1 => Image::Missing,
        2 => Image::Crashing,
        _ => Image::Healthy,
    };
    for _ in 0..random.usize(0..3) {
        service.changes.push(random.usize(0..32) % FIRST_CHANGES);
    }
    service.is_in_prod = one_in(random, 12);
    service.is_dedicated = one_in(random, 16);
    service.is_internal = one_in(random, 16);
    service.first_zone = one_in(random, 6).then(|| random.usize(0..3));
    service
}

fn fault(random: &mut Rng) -> Event {
    let fault = *pick(
        random,
        &[
            Fault::CrashBefore,
            Fault::CrashAfter,
            Fault::LandLate,
            Fault::LandLate,
            Fault::LoseAnswer,
            Fault::NoAnswer,
            Fault::StaleRead,
            Fault::Throttle,
            Fault::ServerError,
            Fault::Deny,
        ],
    );
    let call = (fault == Fault::Deny).then(|| *pick(random, &DENIED));
    let first = if call.is_some() {
        random.u64(0..2)
    } else {
        random.u64(0..FAULT_WITHIN)
    };
    let times = match fault {
        Fault::Throttle | Fault::ServerError => random.u64(1..8),
        // Up to a whole attempt in which nothing answers, or all that is read is old.
        Fault::NoAnswer => random.u64(1..14),
        Fault::StaleRead => random.u64(1..40),
        Fault::Deny | Fault::Refuse(..) | Fault::LoseAnswer => random.u64(1..3),
        Fault::CrashBefore
        | Fault::CrashAfter
        | Fault::LandLate
        | Fault::LandAfter
        | Fault::Hang
        | Fault::Panic
        | Fault::Twice => 1,
    };
    Event::Fault {
        call,
        first,
        times,
        fault,
    }
}

fn one_in(random: &mut Rng, count: u32) -> bool {
    random.u32(0..count) == 0
}

fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(0..from.len())]
}
