//! Pools, the slots on their load balancers, and what each conditional write of them means.
//!
//! One function per write: the item as it is and the arguments in; `Ok` with the item as it is then, or `Err` with the
//! item unchanged when the condition does not hold. These are *the* meaning of the writes: `handler/src/ledger/pool.rs`
//! says the same to DynamoDB, and a test runs both side by side on random sequences. An item that is not there refuses
//! everything except being opened.
//!
//! A claim takes `next_slot` and moves it on in one write, so every slot is unique without a lock. OPEN → CLOSED
//! is one way, in the write that sees no members: that alone decides between the last leaver and the next joiner.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Services on one load balancer. The wall is 100 target groups, 50 services; 25 is for the blast
/// radius.
pub const MEMBERS_MAX: u64 = 25;

/// A pool, as far as its writes decide on it; its VPC and scheme never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolItem {
    /// The next ordinal to be opened.
    pub next_ordinal: u64,
    /// Ordinals that may have room, oldest first.
    pub open: Vec<u64>,
}

/// One ordinal of a pool: it exists before its load balancer does, and outlives it. Its subnets decide on no claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoadBalancerItem {
    /// OPEN; else CLOSED, for good.
    pub is_open: bool,
    /// Slot by service key.
    pub members: BTreeMap<String, u64>,
    /// Owner key by service key.
    pub owners: BTreeMap<String, String>,
    /// The next slot: it only grows, so it also numbers the times a load balancer became empty.
    pub next_slot: u64,
    /// How many AWS lets be on it, when those are fewer than are meant to be.
    pub members_max: Option<u64>,
}

impl LoadBalancerItem {
    /// An ordinal as it is opened.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            is_open: true,
            members: BTreeMap::new(),
            owners: BTreeMap::new(),
            next_slot: 0,
            members_max: None,
        }
    }

    /// Claims the next slot for a service: OPEN, with room for one of `most` members or of as many as AWS lets be on it,
    /// and not this one yet.
    ///
    /// # Errors
    /// Refused: the slot that the service may hold already is in the item.
    pub fn claim(mut self, service: &str, owner: &str, most: u64) -> Result<Self, Self> {
        let has_room = (self.members.len() as u64) < self.most(most);
        if !self.is_open || !has_room || self.members.contains_key(service) {
            return Err(self);
        }
        self.members.insert(service.to_owned(), self.next_slot);
        self.owners.insert(service.to_owned(), owner.to_owned());
        self.next_slot += 1;
        Ok(self)
    }

    /// Takes the next slot instead of `current`, whose priority a foreign rule has.
    ///
    /// # Errors
    /// Refused: `current` is not the service's slot. The one that it holds instead, taken before, is in the item.
    pub fn claim_next(mut self, service: &str, current: u64) -> Result<Self, Self> {
        if self.members.get(service) != Some(&current) {
            return Err(self);
        }
        self.members.insert(service.to_owned(), self.next_slot);
        self.next_slot += 1;
        Ok(self)
    }

    /// Gives a service's slot back. Again, and of a service that holds none, it is the same.
    #[must_use]
    pub fn release(mut self, service: &str) -> Self {
        self.members.remove(service);
        self.owners.remove(service);
        self
    }

    /// Closes it for good.
    ///
    /// # Errors
    /// Refused: it has members.
    pub fn close(mut self) -> Result<Self, Self> {
        if !self.members.is_empty() {
            return Err(self);
        }
        self.is_open = false;
        Ok(self)
    }

    /// Lets no more than `most` be on it, since AWS has refused what a further one needs.
    ///
    /// # Errors
    /// Refused: it takes as few already.
    pub fn limit(mut self, most: u64) -> Result<Self, Self> {
        if self.members_max.is_some_and(|limit| limit <= most) {
            return Err(self);
        }
        self.members_max = Some(most);
        Ok(self)
    }

    /// Whether a load balancer that was full, with `most` members or as many as AWS lets be on it, is not any more.
    #[must_use]
    pub fn has_room_again(&self, most: u64) -> bool {
        self.members.len() as u64 + 1 == self.most(most)
    }

    fn most(&self, most: u64) -> u64 {
        self.members_max.map_or(most, |limit| limit.min(most))
    }
}

impl Default for LoadBalancerItem {
    fn default() -> Self {
        Self::new()
    }
}

impl PoolItem {
    /// Opens a pool with its first ordinal: neither item may be there.
    #[must_use]
    pub fn opened() -> (Self, LoadBalancerItem) {
        let pool = Self {
            next_ordinal: 2,
            open: vec![1],
        };
        (pool, LoadBalancerItem::new())
    }

    /// Opens the ordinal that was seen as the next one, with `open` as those that may have room. The ordinal's own
    /// item may not be there.
    ///
    /// # Errors
    /// Refused: somebody else has opened it.
    pub fn open_ordinal(self, seen: u64, open: Vec<u64>) -> Result<(Self, LoadBalancerItem), Self> {
        if self.next_ordinal != seen {
            return Err(self);
        }
        let pool = Self {
            next_ordinal: seen + 1,
            open,
        };
        Ok((pool, LoadBalancerItem::new()))
    }

    /// Lists an ordinal among those with room again.
    ///
    /// # Errors
    /// Refused: it is listed.
    pub fn offer(mut self, ordinal: u64) -> Result<Self, Self> {
        if self.open.contains(&ordinal) {
            return Err(self);
        }
        self.open.push(ordinal);
        Ok(self)
    }
}

/// The order in which ordinals are tried: the fullest first, the oldest of equals. Each comes with its number of
/// members; one that is full or closed is tried too, since only the claim itself can tell.
#[must_use]
pub fn by_fullness(mut counted: Vec<(u64, usize)>) -> Vec<u64> {
    counted.sort_by_key(|(ordinal, members)| (Reverse(*members), *ordinal));
    counted.into_iter().map(|(ordinal, _)| ordinal).collect()
}

/// The ordinals that may have room once `opened` is one of them: those that `refused` a claim are full or closed.
#[must_use]
pub fn open_after(open: &[u64], refused: &[u64], opened: u64) -> Vec<u64> {
    open.iter()
        .filter(|ordinal| !refused.contains(ordinal))
        .chain([&opened])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use provider_schema::limits::NEIGHBOURS_MAX;

    use super::*;

    #[test]
    fn one_that_was_full_has_room_again_when_the_first_has_left_and_only_then() {
        let mut item = LoadBalancerItem::new();
        for service in ["a", "b", "c"] {
            item = item.claim(service, "owner", 3).unwrap();
        }
        assert!(!item.has_room_again(3), "nobody has left");
        let item = item.release("a");
        assert!(item.has_room_again(3));
        assert!(!item.release("b").has_room_again(3), "it had room before");
    }

    #[test]
    fn the_limit_of_tasks_counts_as_many_neighbours_as_there_can_be() {
        assert_eq!(u64::from(NEIGHBOURS_MAX) + 1, MEMBERS_MAX);
    }

    #[test]
    fn claims_take_the_next_slot_until_it_is_full_and_a_repeated_claim_finds_its_own() {
        let one = LoadBalancerItem::new().claim("a", "owner", 2).unwrap();
        let two = one.claim("b", "owner", 2).unwrap();
        assert_eq!(two.members.get("b"), Some(&1));
        let refused = two.claim("c", "owner", 2).unwrap_err();
        let again = refused.claim("a", "owner", 3).unwrap_err();
        assert_eq!(again.members.get("a"), Some(&0));
    }

    #[test]
    fn a_slot_is_never_given_twice() {
        let item = LoadBalancerItem::new().claim("a", "owner", 2).unwrap();
        let moved = item.claim_next("a", 0).unwrap();
        let moved = moved.claim_next("a", 0).unwrap_err();
        let joined = moved.release("a").claim("b", "owner", 2).unwrap();
        assert_eq!(joined.members.get("b"), Some(&2));
        assert!(joined.has_room_again(2));
    }

    #[test]
    fn one_that_aws_lets_take_no_more_is_full_until_one_of_those_leaves_who_have_a_place() {
        let mut item = LoadBalancerItem::new();
        for service in ["a", "b", "refused"] {
            item = item.claim(service, "owner", 25).unwrap();
        }
        let item = item.limit(2).unwrap();
        assert!(item.clone().limit(2).is_err(), "it takes as few already");
        let item = item.release("refused");
        assert!(
            !item.has_room_again(25),
            "what AWS refused has left nothing"
        );
        let item = item.claim("c", "owner", 25).unwrap_err();
        let item = item.release("a");
        assert!(item.has_room_again(25));
        let item = item.claim("c", "owner", 25).unwrap();
        assert!(item.clone().limit(3).is_err(), "the lowest holds");
        assert_eq!(item.limit(1).unwrap().members_max, Some(1));
    }

    #[test]
    fn closing_is_refused_with_members_and_final_without() {
        let item = LoadBalancerItem::new().claim("a", "owner", 2).unwrap();
        let open = item.close().unwrap_err();
        assert!(open.is_open);
        let closed = open.release("a").close().unwrap();
        assert!(!closed.claim("b", "owner", 2).unwrap_err().is_open);
    }

    #[test]
    fn an_ordinal_is_opened_once_and_the_full_ones_are_dropped() {
        let (pool, _) = PoolItem::opened();
        let open = open_after(&pool.open, &[1], pool.next_ordinal);
        let (pool, _) = pool.open_ordinal(2, open).unwrap();
        assert_eq!((pool.next_ordinal, pool.open.as_slice()), (3, &[2][..]));
        let pool = pool.open_ordinal(2, vec![]).unwrap_err();
        let pool = pool.offer(1).unwrap();
        assert_eq!(pool.offer(1).unwrap_err().open, [2, 1]);
    }

    #[test]
    fn the_fullest_is_tried_first_and_the_oldest_of_equals() {
        assert_eq!(by_fullness(vec![(3, 4), (1, 4), (2, 25)]), [2, 1, 3]);
    }
}
