//! What a service's record holds while it moves from one load balancer to another.
//!
//! Both places are held from the claim of the new one until nothing is left on the old one. Going back is the same
//! move with both places exchanged, so a rollback can begin anywhere.

use super::{ServiceRecord, Slot};
use crate::resources::alias_record::{AliasChange, SPREADING_MS, SPREADS_ON_MS};

impl ServiceRecord {
    /// Notes that a slot of `pool_id` is about to be claimed. A place in another pool is left from now on, but not
    /// given up.
    pub fn note_claim(&mut self, pool_id: &str) {
        let is_elsewhere = |slot: &mut Slot| slot.pool_id != pool_id;
        if let Some(slot) = self.slot.take_if(is_elsewhere) {
            self.leaving = Some(slot);
            self.forget_alias_change();
        }
        self.claiming_in = Some(pool_id.to_owned());
    }

    /// Exchanges the place that is left and the one that it is left for. `found` is the latter when its claim was never
    /// noted because the claimant died.
    pub fn turn_back(&mut self, found: Option<Slot>) {
        let Some(kept) = self.leaving.take() else {
            return;
        };
        self.claiming_in = Some(kept.pool_id.clone());
        self.leaving = self.slot.take().or(found);
        self.slot = Some(kept);
        self.forget_alias_change();
    }

    /// Records that nothing of the service is left on the load balancer that it was leaving.
    pub fn forget_left(&mut self) {
        self.leaving = None;
        self.forget_alias_change();
    }

    fn forget_alias_change(&mut self) {
        self.alias_moved_ms = None;
        self.alias_change = None;
    }

    /// Notes that the host name is about to be pointed at another load balancer, where the service is moving.
    pub fn note_alias_move(&mut self, now_ms: u64) {
        if self.leaving.is_some() {
            self.alias_moved_ms = Some(now_ms);
            self.alias_change = None;
        }
    }

    fn note_moved_later(&mut self, everywhere_ms: u64) {
        let moved_ms = everywhere_ms.saturating_sub(SPREADING_MS);
        self.alias_moved_ms = self.alias_moved_ms.max(Some(moved_ms));
    }

    /// Notes what is known of the change that pointed the host name there.
    pub fn note_alias_change(&mut self, change: &AliasChange, now_ms: u64) {
        match change {
            AliasChange::Made(id) if self.leaving.is_some() => self.alias_change = Some(id.clone()),
            AliasChange::Spreading => self.note_moved_later(now_ms + SPREADS_ON_MS),
            // Until just now it may not have been.
            AliasChange::Everywhere => {
                self.alias_change = None;
                self.note_moved_later(now_ms);
            }
            AliasChange::None | AliasChange::Made(_) | AliasChange::Unknown(_) => {}
        }
    }

    /// The pools in which there may be target groups of the service.
    pub fn pool_ids(&self) -> impl Iterator<Item = &str> {
        let slots = [&self.slot, &self.leaving].into_iter().flatten();
        slots
            .map(|slot| slot.pool_id.as_str())
            .chain(self.claiming_in.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(pool_id: &str) -> Slot {
        Slot {
            pool_id: pool_id.to_owned(),
            ordinal: 1,
            number: 4,
        }
    }

    fn held(slot: Option<Slot>, leaving: Option<Slot>) -> ServiceRecord {
        ServiceRecord {
            cluster: "default".to_owned(),
            name: "web".to_owned(),
            host: "web.example.com".to_owned(),
            is_answered: true,
            is_let_go: false,
            is_named: false,
            created_by: None,
            is_reached: false,
            is_doomed: false,
            claiming_in: None,
            slot,
            leaving,
            alias_moved_ms: Some(1),
            alias_change: Some("C1".to_owned()),
            has_test_rule: false,
            changed_ms: None,
            stands_at: None,
            hosted_zone_id: None,
            stays: Vec::new(),
            has_alias_record: false,
            alias_leads_to: None,
            further: crate::claim::Further::new(),
        }
    }

    #[test]
    fn a_claim_elsewhere_keeps_the_place_and_one_in_the_same_pool_changes_nothing() {
        let mut record = held(Some(slot("old")), None);
        record.note_claim("old");
        assert_eq!((&record.slot, &record.leaving), (&Some(slot("old")), &None));
        record.note_claim("new");
        assert_eq!((&record.slot, &record.leaving), (&None, &Some(slot("old"))));
        assert_eq!(record.alias_moved_ms, None);
        // The claimant died before it could note its slot: again.
        record.note_claim("new");
        assert_eq!((&record.slot, &record.leaving), (&None, &Some(slot("old"))));
        let pools: Vec<&str> = record.pool_ids().collect();
        assert_eq!(pools, ["old", "new"]);
    }

    #[test]
    fn turning_back_loses_neither_place() {
        let mut record = held(Some(slot("new")), Some(slot("old")));
        record.turn_back(None);
        let both = (record.slot.clone(), record.leaving.clone());
        assert_eq!(both, (Some(slot("old")), Some(slot("new"))));

        let mut record = held(None, Some(slot("old")));
        record.turn_back(Some(slot("new")));
        let both = (record.slot.clone(), record.leaving.clone());
        assert_eq!(both, (Some(slot("old")), Some(slot("new"))));

        let mut record = held(None, Some(slot("old")));
        record.turn_back(None);
        let both = (record.slot.clone(), record.leaving.clone());
        assert_eq!(both, (Some(slot("old")), None));
        assert_eq!(record.claiming_in.as_deref(), Some("old"));
    }

    #[test]
    fn what_was_left_is_forgotten_and_the_new_place_kept() {
        let mut record = held(Some(slot("new")), Some(slot("old")));
        record.forget_left();
        let left = (&record.slot, &record.leaving, record.alias_moved_ms);
        assert_eq!(left, (&Some(slot("new")), &None, None));
    }

    #[test]
    fn a_record_from_before_there_were_moves_is_read() {
        let mut written = serde_json::to_value(held(Some(slot("old")), None)).unwrap();
        let members = written.as_object_mut().unwrap();
        members.remove("leaving");
        members.remove("alias_moved_ms");
        let read: ServiceRecord = serde_json::from_value(written).unwrap();
        assert_eq!((read.leaving, read.alias_moved_ms), (None, None));
    }

    #[test]
    fn a_name_that_route_53_still_spreads_counts_as_moved_later() {
        let moving = || {
            let mut record = held(Some(slot("new")), Some(slot("old")));
            record.note_alias_move(1_000);
            record.note_alias_change(&AliasChange::Made("C2".to_owned()), 1_000);
            record
        };
        let change = Some("C2".to_owned());
        for (found, asked_ms, expected) in [
            // Within the time that it usually takes.
            (
                AliasChange::Spreading,
                SPREADING_MS - SPREADS_ON_MS,
                (Some(1_000), change.clone()),
            ),
            (
                AliasChange::Spreading,
                SPREADING_MS - SPREADS_ON_MS + 9_000,
                (Some(9_000), change.clone()),
            ),
            (AliasChange::Everywhere, SPREADING_MS, (Some(1_000), None)),
            (
                AliasChange::Everywhere,
                SPREADING_MS + 9_000,
                (Some(9_000), None),
            ),
            (
                AliasChange::Unknown("C2".to_owned()),
                900_000,
                (Some(1_000), change.clone()),
            ),
            (AliasChange::None, 900_000, (Some(1_000), change)),
        ] {
            let mut record = moving();
            record.note_alias_change(&found, asked_ms);
            assert_eq!(
                (record.alias_moved_ms, record.alias_change),
                expected,
                "{found:?}"
            );
        }
        // Of a service that does not move nobody waits for it, and what was last asked for is what is waited for.
        let mut record = held(Some(slot("new")), None);
        record.alias_change = None;
        record.note_alias_change(&AliasChange::Made("C3".to_owned()), 1_000);
        assert_eq!(record.alias_change, None);
        let mut record = moving();
        record.note_alias_move(2_000);
        assert_eq!(
            (record.alias_moved_ms, record.alias_change),
            (Some(2_000), None)
        );
    }
}
