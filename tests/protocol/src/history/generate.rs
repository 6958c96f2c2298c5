//! Histories from seeds.

use fastrand::Rng;

use super::{
    Act, Change, Deployment, Fault, FaultKind, Happening, History, POOL_OPERATIONS, Properties,
    SHARED_NAMES, Script, Service, UndoneBy,
};

/// Stacks at most.
const STACKS_MAX: usize = 30;
/// `ServiceTimeout` when the template does not say, in seconds.
const TIMEOUT_S: u64 = 3600;
/// Names that one stack's service may have.
const NAMES: Service = 3;
/// Names that several stacks ask for.
const SHARED: Service = 4;
/// Milliseconds in a minute.
const MINUTE_MS: u64 = 60_000;

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let count = match rng.u32(0..200) {
            0..140 => rng.usize(1..=2),
            140..190 => rng.usize(3..=4),
            190..199 => rng.usize(5..=9),
            _ => rng.usize(11..=STACKS_MAX),
        };
        let capacity = if one_in(rng, 8) { 25 } else { rng.u64(1..=3) };
        // Some histories only create: they show how services are packed.
        let only_creates = one_in(rng, 8);
        let stacks = (0..count)
            .map(|stack| script(rng, stack, only_creates))
            .collect();
        let faults = if one_in(rng, 6) {
            Vec::new()
        } else {
            faults(rng, count)
        };
        let mut history = Self {
            seed,
            capacity,
            stacks,
            faults,
            happenings: happenings(rng, count),
        };
        if one_in(rng, 10) && !only_creates && !history.restores_the_table() {
            delete_the_provider(rng, &mut history);
        }
        lead_back_in_vain(&mut Rng::with_seed(!seed), &mut history);
        history
    }
}

fn one_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(0..many) == 0
}

fn script(rng: &mut Rng, stack: usize, only_creates: bool) -> Script {
    let pool = u8::from(one_in(rng, 4));
    let count = if only_creates { 1 } else { rng.usize(1..=3) };
    let mut acts: Vec<Act> = (0..count).map(|index| act(rng, stack, index)).collect();
    if only_creates {
        for act in &mut acts {
            act.cancelled_after_ms = None;
            act.sibling_fails = false;
            act.timeout_s = TIMEOUT_S;
            if let Change::Deploy(properties) = &mut act.change {
                properties.deployment.succeeds = true;
                properties.service = own_name(stack, 0);
            }
        }
    }
    Script {
        is_provider: false,
        pool,
        acts,
    }
}

fn act(rng: &mut Rng, stack: usize, index: usize) -> Act {
    let pause_ms = if index == 0 { 2 } else { 5 } * MINUTE_MS;
    let is_delete = index > 0 && one_in(rng, 3);
    let properties = properties(rng, stack, index);
    Act {
        after_ms: rng.u64(0..pause_ms),
        change: if is_delete {
            Change::Delete
        } else {
            Change::Deploy(properties)
        },
        cancelled_after_ms: one_in(rng, 4).then(|| rng.u64(0..3 * MINUTE_MS)),
        sibling_fails: one_in(rng, 5),
        undone_by: if rng.bool() {
            UndoneBy::DeleteAnsweredId
        } else {
            UndoneBy::UpdateBack
        },
        timeout_s: if one_in(rng, 6) {
            rng.u64(300..=900)
        } else {
            TIMEOUT_S
        },
        duplicates_ms: if one_in(rng, 5) {
            vec![rng.u64(0..20 * MINUTE_MS)]
        } else {
            Vec::new()
        },
    }
}

/// Some ways back fail. Drawn from a stream of its own, so that a seed goes on meaning the history that it once meant.
fn lead_back_in_vain(rng: &mut Rng, history: &mut History) {
    let acts = history
        .stacks
        .iter_mut()
        .flat_map(|script| &mut script.acts);
    for act in acts.filter(|act| act.undone_by == UndoneBy::UpdateBack) {
        if one_in(rng, 4) {
            act.undone_by = UndoneBy::UpdateBackInVain;
        }
    }
}

/// The stacks are deleted, most of them, and then the provider's.
fn delete_the_provider(rng: &mut Rng, history: &mut History) {
    let provider = history.stacks.len();
    for (stack, script) in history.stacks.iter_mut().enumerate() {
        if !one_in(rng, 12) {
            let delete = act(rng, stack, script.acts.len());
            script.acts.push(Act {
                change: Change::Delete,
                ..delete
            });
        }
    }
    let delete = act(rng, provider, 0);
    history.stacks.push(Script {
        is_provider: true,
        pool: 0,
        acts: vec![Act {
            change: Change::Delete,
            timeout_s: TIMEOUT_S,
            ..delete
        }],
    });
    if rng.bool() {
        let mut further = faults(rng, 1);
        for fault in &mut further {
            fault.stack = provider;
        }
        history.faults.extend(further);
    }
}

fn own_name(stack: usize, variant: Service) -> Service {
    Service::try_from(stack).unwrap_or_default() * NAMES + variant
}

/// A stack has only one of two neighbours: with both it would hold one host name for two services.
fn shared_name(rng: &mut Rng, stack: usize) -> Service {
    let parity = Service::try_from(stack % 2).unwrap_or_default();
    SHARED_NAMES + rng.u16(0..SHARED / 2) * 2 + parity
}

fn properties(rng: &mut Rng, stack: usize, index: usize) -> Properties {
    let service = match rng.u32(0..10) {
        0..7 => own_name(stack, 0),
        7..9 => own_name(stack, rng.u16(0..NAMES)),
        _ => shared_name(rng, stack),
    };
    let succeeds = !one_in(rng, 6);
    // One that fails may take longer than CloudFormation waits.
    let hangs = !succeeds && one_in(rng, 4);
    Properties {
        service,
        // Sometimes as before, so that nothing has to change.
        version: u32::try_from(index).unwrap_or_default() / rng.u32(1..=2),
        deployment: Deployment {
            takes_ms: if hangs {
                70 * MINUTE_MS
            } else {
                rng.u64(1_000..90_000)
            },
            succeeds,
        },
    }
}

fn faults(rng: &mut Rng, stacks: usize) -> Vec<Fault> {
    (0..rng.usize(1..=2 + stacks))
        .map(|_| Fault {
            stack: if one_in(rng, 10) {
                POOL_OPERATIONS
            } else {
                rng.usize(0..stacks)
            },
            request: rng.u32(0..4),
            invocation: if rng.bool() { 0 } else { rng.u32(0..4) },
            call: rng.u32(0..26),
            kind: fault_kind(rng),
        })
        .collect()
}

fn fault_kind(rng: &mut Rng) -> FaultKind {
    match rng.u32(0..8) {
        0 => FaultKind::CrashBefore,
        1 | 2 => FaultKind::CrashAfter,
        3 | 4 => FaultKind::CrashLate(rng.u64(0..75_000)),
        5 | 6 => FaultKind::Lost(if rng.bool() { 0 } else { rng.u64(0..75_000) }),
        _ => FaultKind::Throttled,
    }
}

fn happenings(rng: &mut Rng, stacks: usize) -> Vec<Happening> {
    let mut happenings = Vec::new();
    if one_in(rng, 6) {
        let at_ms = rng.u64(0..30 * MINUTE_MS);
        happenings.push(Happening::Sweep { at_ms });
    }
    if one_in(rng, 8) {
        happenings.push(Happening::ForeignRule {
            at_ms: rng.u64(0..10 * MINUTE_MS),
            pool: u8::from(one_in(rng, 4)),
            ordinal: rng.u64(1..=2),
            slot: rng.u64(0..4),
        });
    }
    if one_in(rng, 10) {
        happenings.push(Happening::WaiterDies {
            stack: rng.usize(0..stacks),
            request: rng.u32(0..3),
            after_ms: rng.u64(0..3 * MINUTE_MS),
            delivered_ms: rng.u64(0..5 * MINUTE_MS),
        });
    }
    if one_in(rng, 60) {
        happenings.push(Happening::Restore {
            at_ms: rng.u64(0..30 * MINUTE_MS),
            by_ms: rng.u64(0..20 * MINUTE_MS),
        });
    }
    happenings
}
