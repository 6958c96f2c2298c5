//! The provider's domain, and the services that were made for another one.
//!
//! Certificate, alias records and the provider's permissions are all of one domain. A service that has its name below
//! another one cannot be served, changed or removed; the guard keeps the domain while there are services, and what it
//! has accepted is in the ledger.

use super::ServiceRecord;
use crate::naming;
use crate::resources::alias_record::{self, ObservedAliasRecord};

/// A domain, and where its records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Every service has one label below it.
    pub name: String,
    /// Its zone; none where DNS is managed elsewhere.
    pub hosted_zone_id: Option<String>,
}

impl Domain {
    /// Whether the domain's wildcard certificate covers a host: one label, and no more.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let above = host.split_once('.').map(|(_, above)| above);
        above == Some(self.name.as_str())
    }

    /// Whether a service can be served and changed: its name is below the domain, and its alias record, if it has one,
    /// is in the zone.
    #[must_use]
    pub fn has(&self, service: &ServiceRecord) -> bool {
        let is_elsewhere =
            service.hosted_zone_id.is_some() && service.hosted_zone_id != self.hosted_zone_id;
        self.covers(&service.host) && !is_elsewhere
    }

    /// Whether a service can be removed: one whose record somebody else keeps can be under any domain.
    #[must_use]
    pub fn can_remove(&self, service: &ServiceRecord) -> bool {
        let has_no_record = service.hosted_zone_id.is_none() && self.hosted_zone_id.is_none();
        has_no_record || self.has(service)
    }
}

impl ServiceRecord {
    /// Notes that its alias record is about to be written in this zone. It stays the one that was noted first: the
    /// guard keeps it.
    pub fn note_zone(&mut self, zone: &str) {
        self.hosted_zone_id.get_or_insert_with(|| zone.to_owned());
    }

    /// Notes that the record of its host name, in this zone, is its own: it leads to a load balancer of its own. From
    /// then on it stays so, wherever people make it lead.
    pub fn note_alias(&mut self, zone: &str, found: &ObservedAliasRecord) {
        let mut places = self.slot.iter().chain(&self.leaving);
        let is_own = places.any(|place| {
            let load_balancer = naming::load_balancer(&place.pool_id, place.ordinal);
            alias_record::leads_to(found, &load_balancer)
        });
        self.alias_leads_to = is_own.then(|| alias_record::target(found));
        if is_own {
            self.has_alias_record = true;
            self.note_zone(zone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Slot;
    use crate::claim::tests::service;

    fn domain(name: &str, zone: Option<&str>) -> Domain {
        Domain {
            name: name.to_owned(),
            hosted_zone_id: zone.map(str::to_owned),
        }
    }

    #[test]
    fn a_host_is_one_label_below_the_domain() {
        let domain = domain("apps.example.com", None);
        assert!(domain.covers("web.apps.example.com"));
        for other in [
            "web.new.example.com",
            "web.dev.apps.example.com",
            "apps.example.com",
            "webapps.example.com",
            "web",
        ] {
            assert!(!domain.covers(other), "{other}");
        }
    }

    #[test]
    fn a_service_is_of_the_zone_that_may_have_its_record() {
        let of = |zone: Option<&str>| ServiceRecord {
            hosted_zone_id: zone.map(str::to_owned),
            ..service("web").1
        };
        let name = "example.com";
        // The zone of the service, that of the domain, whether it can be changed, whether it can be removed.
        for (held, now, has, can_remove) in [
            (Some("Z1"), Some("Z1"), true, true),
            (Some("Z1"), Some("Z2"), false, false),
            (Some("Z1"), None, false, false),
            // DNS was managed elsewhere until now, or nobody has noted the zone.
            (None, Some("Z1"), true, true),
            (None, None, true, true),
        ] {
            let domain = domain(name, now);
            let found = (domain.has(&of(held)), domain.can_remove(&of(held)));
            assert_eq!(found, (has, can_remove), "{held:?} {now:?}");
        }
        let other = |zone| domain("example.org", zone);
        assert!(!other(None).has(&of(None)));
        assert!(other(None).can_remove(&of(None)));
        assert!(!other(Some("Z1")).can_remove(&of(None)));
        assert!(!other(Some("Z1")).can_remove(&of(Some("Z1"))));
    }

    #[test]
    fn a_record_is_the_service_s_own_from_when_it_leads_to_its_load_balancer() {
        let place = |pool_id: &str| Slot {
            pool_id: pool_id.to_owned(),
            ordinal: 1,
            number: 4,
        };
        let record = |target: &str| ObservedAliasRecord {
            target_dns_name: format!("{target}.eu-west-1.elb.amazonaws.com"),
            target_hosted_zone_id: "Z9".to_owned(),
            evaluate_target_health: false,
            other_type: None,
        };
        for (target, is_own) in [
            ("express-0a1b2c3d-1-123", true),
            ("express-4e5f6a7b-1-123", true),
            ("express-0a1b2c3d-2-123", false),
            ("theirs-123", false),
        ] {
            let mut held = ServiceRecord {
                slot: Some(place("0a1b2c3d")),
                leaving: Some(place("4e5f6a7b")),
                ..service("web").1
            };
            held.note_alias("Z1", &record(target));
            let zone = is_own.then(|| "Z1".to_owned());
            let noted = (held.has_alias_record, held.hosted_zone_id.clone());
            assert_eq!(noted, (is_own, zone.clone()), "{target}");
            let leads_to = is_own.then(|| record(target).target_dns_name);
            assert_eq!(held.alias_leads_to, leads_to, "{target}");
            // People make it lead elsewhere.
            held.note_alias("Z1", &record("theirs-123"));
            assert_eq!(held.alias_leads_to, None, "{target}");
            let noted = (held.has_alias_record, held.hosted_zone_id);
            assert_eq!(noted, (is_own, zone), "{target}");
        }
    }

    #[test]
    fn the_zone_that_was_noted_first_stays() {
        let mut held = service("web").1;
        held.note_zone("Z1");
        held.note_zone("Z2");
        assert_eq!(held.hosted_zone_id.as_deref(), Some("Z1"));
        assert!(!held.has_alias_record);
    }
}
