//! The conditional writes of records, and those of pools as the ledger makes them and as core says what they mean, side by
//! side.

use std::collections::BTreeMap;
use std::rc::Rc;

use express_core::claim::pool::{LoadBalancerItem, MEMBERS_MAX, PoolItem, by_fullness, open_after};
use express_core::claim::{Owner, OwnerRecord, Slot};
use express_core::naming;
use express_core::step::SlotRequest;
use express_handler::Runtime;
use express_handler::ledger::pool::Members;
use express_handler::ledger::{self, LedgerError, NameClaims, Stored, pool};
use express_tests::account::Kind;
use express_tests::world::provider::LEDGER_TABLE;
use express_tests::{StackStatus, Template, World, account, lambda, web};
use fastrand::Rng;
use local_aws::wire::Service;
use serde_json::{Value, json};

/// The pool of all of them.
const POOL: &str = "1a2b3c4d";
/// Services that come and go: enough for three load balancers.
const SERVICES: u32 = 60;
/// Operations in one sequence.
const OPERATIONS: usize = 250;
/// Sequences.
const SEEDS: u64 = 4;

/// The same items, changed by core's functions alone.
#[derive(Default)]
struct Mirror {
    pool: Option<PoolItem>,
    items: BTreeMap<u64, LoadBalancerItem>,
}

impl Mirror {
    /// Writes one item on its condition; whether it was accepted.
    fn write(
        &mut self,
        ordinal: u64,
        write: impl FnOnce(LoadBalancerItem) -> Result<LoadBalancerItem, LoadBalancerItem>,
    ) -> bool {
        let Some(item) = self.items.remove(&ordinal) else {
            return false;
        };
        let outcome = write(item);
        let is_accepted = outcome.is_ok();
        let item = outcome.unwrap_or_else(|refused| refused);
        self.items.insert(ordinal, item);
        is_accepted
    }

    fn claim(&mut self, service: &str) -> (u64, u64) {
        loop {
            let Some(found) = self.pool.take() else {
                let (opened, first) = PoolItem::opened();
                self.pool = Some(opened);
                self.items.insert(1, first);
                continue;
            };
            let counted = found.open.iter();
            let counted = counted.map(|ordinal| (*ordinal, self.items[ordinal].members.len()));
            let mut refused = Vec::new();
            for ordinal in by_fullness(counted.collect()) {
                self.write(ordinal, |item| item.claim(service, OWNER, MEMBERS_MAX));
                if let Some(slot) = self.items[&ordinal].members.get(service) {
                    self.pool = Some(found);
                    return (ordinal, *slot);
                }
                refused.push(ordinal);
            }
            let ordinal = found.next_ordinal;
            let open = open_after(&found.open, &refused, ordinal);
            let (opened, item) = found
                .open_ordinal(ordinal, open)
                .expect("nobody else opens");
            self.pool = Some(opened);
            self.items.insert(ordinal, item);
        }
    }
}

/// Whose the services are.
const OWNER: &str = "0123456789abcdef0123";

fn arn(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:service/default/web-{number}")
}

fn request(service_arn: &str) -> SlotRequest {
    SlotRequest {
        pool_id: POOL.to_owned(),
        vpc_id: "vpc-1".to_owned(),
        scheme: "internet-facing".to_owned(),
        dedicated_to: None,
        subnets: BTreeMap::from([("eu-west-1a".to_owned(), "subnet-1".to_owned())]),
        service_arn: service_arn.to_owned(),
        owner_key: OWNER.to_owned(),
    }
}

/// One operation on both sides, whose results must be the same.
async fn operate(runtime: &Runtime, mirror: &mut Mirror, rng: &mut Rng) {
    let service_arn = arn(rng.u32(0..SERVICES));
    let key = naming::service_key(&service_arn);
    let ordinal = rng.u64(1..=4);
    let held = mirror.items.get(&ordinal);
    let held = held.and_then(|item| item.members.get(&key).copied());
    let slot = |number| Slot {
        pool_id: POOL.to_owned(),
        ordinal,
        number,
    };
    match rng.u32(0..100) {
        0..55 => {
            let placed = pool::claim(runtime, &request(&service_arn)).await.unwrap();
            let claimed = (placed.slot.ordinal, placed.slot.number);
            assert_eq!(claimed, mirror.claim(&key), "claim of {service_arn}");
        }
        55..65 => {
            // Sometimes of a slot that is not the service's.
            let current = held
                .filter(|_| rng.bool())
                .unwrap_or_else(|| rng.u64(0..50));
            let next = pool::claim_next(runtime, &request(&service_arn), &slot(current)).await;
            mirror.write(ordinal, |item| item.claim_next(&key, current));
            let item = mirror.items.get(&ordinal);
            let number = item.and_then(|item| item.members.get(&key));
            match next {
                Ok(next) => assert_eq!(Some(&next.number), number),
                Err(LedgerError::Conflict) => assert_eq!(number, None),
                Err(error) => panic!("{error}"),
            }
        }
        65..83 => {
            let left = pool::release(runtime, &slot(0), &service_arn)
                .await
                .unwrap();
            mirror.write(ordinal, |item| Ok(item.release(&key)));
            let count = mirror.items.get(&ordinal).map(|item| item.members.len());
            assert_eq!(left.as_ref().map(|left| left.slots.len()), count);
            let item = mirror.items.get(&ordinal);
            let has_room_again = item.is_some_and(|item| item.has_room_again(MEMBERS_MAX));
            assert_eq!(
                left.is_some_and(|left| left.has_room_again(MEMBERS_MAX)),
                has_room_again
            );
        }
        // AWS refuses one of the members a rule.
        83..85 => {
            let most = rng.u64(0..25);
            pool::limit(runtime, &slot(0), most).await.unwrap();
            mirror.write(ordinal, |item| item.limit(most));
        }
        // An ordinal that is not there is offered by nobody.
        85..92 if mirror.items.contains_key(&ordinal) => {
            pool::offer(runtime, POOL, ordinal).await.unwrap();
            let offered = mirror.pool.take();
            mirror.pool =
                offered.map(|found| found.offer(ordinal).unwrap_or_else(|refused| refused));
        }
        _ => {
            // Everybody leaves first, now and then.
            let is_emptied = rng.bool();
            let members = mirror.items.get(&ordinal).map(|item| item.members.clone());
            for number in (0..SERVICES).filter(|_| is_emptied) {
                let key = naming::service_key(&arn(number));
                if members
                    .as_ref()
                    .is_some_and(|members| members.contains_key(&key))
                {
                    pool::release(runtime, &slot(0), &arn(number))
                        .await
                        .unwrap();
                    mirror.write(ordinal, |item| Ok(item.release(&key)));
                }
            }
            let is_closed = pool::close(runtime, POOL, ordinal).await.unwrap();
            assert_eq!(is_closed, mirror.write(ordinal, LoadBalancerItem::close));
        }
    }
}

/// Every item is the same on both sides.
async fn compare(runtime: &Runtime, mirror: &Mirror) {
    let found = pool::find(runtime, POOL).await.unwrap();
    let found = found.map(|found| (found.next_ordinal, found.open));
    let expected = mirror.pool.as_ref();
    assert_eq!(
        found,
        expected.map(|pool| (pool.next_ordinal, pool.open.clone()))
    );
    for ordinal in 1..=5 {
        let members = pool::find_members(runtime, POOL, ordinal).await.unwrap();
        let members = members.map(|found| {
            let Members {
                slots,
                next_slot,
                is_open,
                members_max,
                ..
            } = found;
            (slots, next_slot, is_open, members_max)
        });
        let item = mirror.items.get(&ordinal);
        let expected = item.map(|item| {
            (
                item.members.clone(),
                item.next_slot,
                item.is_open,
                item.members_max,
            )
        });
        assert_eq!(members, expected, "load balancer {ordinal}");
    }
}

async fn play(runtime: Rc<Runtime>, seed: u64) -> Mirror {
    let mut rng = Rng::with_seed(seed);
    let mut mirror = Mirror::default();
    mirror.claim(&naming::service_key(&arn(0)));
    pool::claim(&runtime, &request(&arn(0))).await.unwrap();
    for _ in 0..OPERATIONS {
        operate(&runtime, &mut mirror, &mut rng).await;
        compare(&runtime, &mirror).await;
    }
    mirror
}

/// The owners of an item's members, as they are stored.
fn owners(item: &Value) -> BTreeMap<String, String> {
    let owners = item["owners"]["M"].as_object().into_iter().flatten();
    owners
        .map(|(key, owner)| (key.clone(), owner["S"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn the_ledger_writes_pools_as_core_says() {
    for seed in 0..SEEDS {
        let played: Rc<std::cell::RefCell<Option<Mirror>>> = Rc::default();
        let kept = Rc::clone(&played);
        let world = World::with_function(Rc::new(move |_, _, runtime| {
            let kept = Rc::clone(&kept);
            Box::pin(async move {
                let mirror = play(runtime, seed).await;
                *kept.borrow_mut() = Some(mirror);
                Ok(json!({}))
            })
        }));
        let invoked = world.clone();
        let _end = world.block_on(async move { lambda::invoke(&invoked, json!({})).await });
        let mirror = played.take().expect("the sequence was played to its end");
        let stored = account::ledger(world.account());
        for (ordinal, item) in &mirror.items {
            let pk = format!("load-balancer#{POOL}#{ordinal}");
            let found = stored.iter().find(|found| found["pk"]["S"] == pk.as_str());
            assert_eq!(
                owners(found.unwrap()),
                item.owners,
                "load balancer {ordinal}"
            );
        }
    }
}

/// Writes what another has read too, in each of the ways in which a record is written: alone, with names that it claims,
/// with names that it gives back.
async fn write_too(runtime: &Runtime, read: &Stored) -> [Result<(), LedgerError>; 3] {
    let (mut alone, mut releasing) = (read.clone(), read.clone());
    releasing.release_service(&arn(0));
    let arn = arn(1);
    let names = NameClaims {
        service_arn: &arn,
        host: "web-1.apps.example.com",
    };
    let record = read.record.clone();
    let begun = ledger::begin(runtime, Some(read), record, None, Some(names)).await;
    [
        ledger::write(runtime, &mut alone).await,
        begun.map(drop),
        ledger::write(runtime, &mut releasing).await,
    ]
}

#[test]
fn a_record_is_written_only_over_the_revision_that_was_read() {
    let world = World::new();
    let runtime = world.runtime_of_a_process();
    world.block_on(async move {
        let owner = Owner {
            stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1".to_owned(),
            logical_resource_id: "Web".to_owned(),
        };
        let key = naming::owner_key(&owner);
        let mut record = OwnerRecord::new(owner);
        let service = json!({
            "cluster": "default",
            "name": "web-0",
            "host": "web-0.apps.example.com",
            "is_answered": true,
        });
        let service = serde_json::from_value(service).unwrap();
        record.services.insert(arn(0), service);
        let begin = || ledger::begin(&runtime, None, record.clone(), None, None);
        let read = begin().await.unwrap();
        let again = begin().await;
        assert!(matches!(again, Err(LedgerError::Conflict)), "{again:?}");

        let mut quicker = read.clone();
        quicker.record.newest_issued_ms = 1;
        ledger::write(&runtime, &mut quicker).await.unwrap();
        for written in write_too(&runtime, &read).await {
            assert!(matches!(written, Err(LedgerError::Conflict)), "{written:?}");
        }
        let found = ledger::find(&runtime, &key).await.unwrap().unwrap();
        assert_eq!(found.record, quicker.record);
        assert_eq!(found.revision(), quicker.revision());
    });
}

#[test]
fn an_owner_is_remembered_for_thirty_days_from_when_nothing_of_it_is_left() {
    const DAY_S: u64 = 24 * 3_600;
    let world = World::new();
    let stack = world.with_service("app", &web());
    assert_eq!(
        account::ledger_item(world.account(), "owner#")["expires_at"],
        Value::Null
    );
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    let expires_at = account::ledger_item(world.account(), "owner#")["expires_at"]["N"].clone();
    let expires_s: u64 = expires_at.as_str().unwrap().parse().unwrap();
    let left_s = expires_s - world.now_ms() / 1_000;
    assert!((29 * DAY_S..=30 * DAY_S).contains(&left_s), "{left_s}");
}

/// After a restore of the table from the time before, say.
#[test]
fn a_name_that_another_owner_has_meanwhile_is_not_given_back_with_the_service() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let mut host = account::ledger_item(world.account(), "host#");
    host["owner_key"] = json!({"S": "fedcba9876543210fedc"});
    let put = json!({"TableName": LEDGER_TABLE, "Item": host});
    let written = world.account().perform(Service::DynamoDb, "PutItem", put);
    written.unwrap();
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    assert_eq!(account::ledger_item(world.account(), "host#"), host);
    // The other name is free.
    let items = account::ledger(world.account());
    let is_of_service = |item: &&Value| {
        let key = item["pk"]["S"].as_str();
        key.is_some_and(|key| key.starts_with("service#"))
    };
    assert_eq!(items.iter().find(is_of_service), None);
}

/// One item alone is lost, or older than the others: the pool's, from which the load balancers' follow.
#[test]
fn case_55_a_pool_whose_item_was_lost_or_set_back_takes_its_load_balancers_in_again() {
    let is_pool = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("pool#");
    for is_lost in [true, false] {
        let world = World::new();
        world.fill_with(1);
        let _first = world.with_service("first", &web().named("first"));
        let older = account::ledger_item(world.account(), "pool#");
        let _second = world.with_service("second", &web().named("second"));
        let mut items = account::ledger(world.account());
        items.retain(|item| !is_pool(item));
        items.extend((!is_lost).then(|| older.clone()));
        account::set_ledger_back(world.account(), &items);
        let stack = world.stack("third");
        let outcome = stack.deploy_now(Template::of(&web().named("third")));
        let seen = outcome.first();
        assert_eq!(
            outcome.status,
            StackStatus::CreateComplete,
            "{}",
            seen.reason
        );
        assert!(seen.seconds() < 600, "{}", seen.seconds());
        let inventory = world.inventory();
        assert_eq!(
            inventory.of(Kind::LoadBalancer).count(),
            3,
            "lost: {is_lost}"
        );
        let found = account::ledger_item(world.account(), "pool#");
        assert_eq!(found["next_ordinal"], json!({"N": "4"}), "lost: {is_lost}");
        assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    }
}
