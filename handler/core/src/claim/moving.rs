//! What a service's record holds while it moves from one load balancer to another.
//!
//! Both places are held from the claim of the new one until nothing is left on the old one. Going back is the same
//! move with both places exchanged, so a rollback can begin anywhere.

use super::{ServiceRecord, Slot};

impl ServiceRecord {
    /// Notes that a slot of `pool_id` is about to be claimed. A place in another pool is left from now on, but not
    /// given up.
    pub fn note_claim(&mut self, pool_id: &str) {
        let is_elsewhere = |slot: &mut Slot| slot.pool_id != pool_id;
        if let Some(slot) = self.slot.take_if(is_elsewhere) {
            self.leaving = Some(slot);
            self.alias_moved_ms = None;
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
        self.alias_moved_ms = None;
    }

    /// Records that nothing of the service is left on the load balancer that it was leaving.
    pub fn forget_left(&mut self) {
        self.leaving = None;
        self.alias_moved_ms = None;
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
}
