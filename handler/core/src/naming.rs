//! Every AWS name, tag key and client token: deterministic, so that a look-up needs no memory.
//!
//! A name is made of what identifies its thing and nothing else (the owner, the service ARN, the
//! pool), with a hash where an AWS limit is too short for the identity itself. Two different things
//! thus never meet under one name, and the same thing has the same name in every attempt.

use sha2::{Digest, Sha256};

use crate::claim::{Owner, RequestId};

/// DNS label of a host name at most.
/// RFC 1035, section 2.3.4.
const DNS_LABEL_MAX: usize = 63;
/// Hexadecimal digits in a key that stands for an owner or a service: 80 bits.
const KEY_DIGITS: usize = 20;
/// Hexadecimal digits in resource names, which must fit 32 characters with prefix and suffix: 48 bits.
const NAME_HASH_DIGITS: usize = 12;
/// Characters of a log group's name that `provider-schema` reckons with; CloudWatch Logs allows 512.
const LOG_GROUP_MAX: usize = 128;
/// Hexadecimal digits of a pool: 32 bits among the few pools of one account and region.
const POOL_DIGITS: usize = 8;
/// Characters of the logical id that a generated service name keeps for its reader.
/// With the hash it stays within the 32 characters that `provider-schema` reckons with.
const GENERATED_STEM_MAX: usize = 19;

/// Tag: present on everything that the provider makes.
pub const TAG_PROVIDER: &str = "express:provider";
/// Value of [`TAG_PROVIDER`].
pub const TAG_PROVIDER_VALUE: &str = "Custom::ExpressService";
/// Tag: the key of the owner.
pub const TAG_OWNER: &str = "express:owner";
/// Tag: the pool of a load balancer or of a service's rule.
pub const TAG_POOL: &str = "express:pool";
/// Tag: the ordinal of the load balancer in its pool.
pub const TAG_ORDINAL: &str = "express:ordinal";
/// Tag: the slot of the service on its load balancer.
pub const TAG_SLOT: &str = "express:slot";
/// Tag of a rule for test traffic, in the place of [`TAG_SLOT`]: the same slot. It tells the two rules of a service apart.
pub const TAG_TEST_SLOT: &str = "express:test-slot";
/// Tag: the host name of the service.
pub const TAG_HOST: &str = "express:host";
/// Tag of an ECS service: the stack of its owner, by its name, so that people find it.
pub const TAG_STACK_NAME: &str = "express:stack-name";
/// Tag of an ECS service: its owner's logical id.
pub const TAG_LOGICAL_ID: &str = "express:logical-id";
/// Tag that Express Mode's managed infrastructure policy asks for on target groups and rules.
pub const TAG_ECS_MANAGED: &str = "AmazonECSManaged";

/// First priority of the rules for test traffic; the ones below are for people's own rules. A rule for test
/// traffic must be asked before the one for all requests to the same host.
pub const TEST_RULE_PRIORITY_FIRST: u32 = 1000;
/// First priority of the rules for all requests to a host.
pub const RULE_PRIORITY_FIRST: u32 = 20_000;
/// How many priorities each of these kinds has. Those from 40,000 on are for people's own rules.
pub const RULE_PRIORITIES: u32 = 19_000;

/// The first `digits` hexadecimal digits of the SHA-256 of `parts`, each ended by a line feed.
#[must_use]
pub fn hash(parts: &[&str], digits: usize) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part.as_bytes());
        sha.update(b"\n");
    }
    sha.finalize()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(digits)
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// Key of an owner in the ledger and in tags.
#[must_use]
pub fn owner_key(owner: &Owner) -> String {
    hash(&[&owner.stack_id, &owner.logical_resource_id], KEY_DIGITS)
}

/// Name of a service whose properties give none: the logical id for people, and the owner's hash, so
/// that a stack that is made again never meets its predecessor, which may still be DRAINING.
#[must_use]
pub fn generated_service_name(owner: &Owner) -> String {
    let stem: String = owner
        .logical_resource_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(GENERATED_STEM_MAX)
        .collect::<String>()
        .to_ascii_lowercase();
    format!(
        "{stem}-{}",
        hash(
            &[&owner.stack_id, &owner.logical_resource_id],
            NAME_HASH_DIGITS
        )
    )
}

/// The account that an ARN names; empty where it names none.
#[must_use]
pub fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// The DNS label of a service: `<service>` in the cluster `default`, else `<service>-<cluster>`; lower
/// case and hyphens, with a hash whenever it had to be altered.
#[must_use]
pub fn host_label(service: &str, cluster: &str) -> String {
    let wished = if cluster == "default" {
        service.to_owned()
    } else {
        format!("{service}-{cluster}")
    };
    let mut label: String = wished
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '-' => character,
            'A'..='Z' => character.to_ascii_lowercase(),
            _ => '-',
        })
        .collect();
    label = label.trim_matches('-').to_owned();
    if label == wished && !label.is_empty() && label.len() <= DNS_LABEL_MAX {
        return label;
    }
    let suffix = hash(&[service, cluster], NAME_HASH_DIGITS);
    let stem: String = label
        .chars()
        .take(DNS_LABEL_MAX - NAME_HASH_DIGITS - 1)
        .collect();
    let stem = stem.trim_matches('-');
    if stem.is_empty() {
        format!("x{suffix}")
    } else {
        format!("{stem}-{suffix}")
    }
}

/// Short stand-in for a service in names and in the members of a load balancer.
#[must_use]
pub fn service_key(service_arn: &str) -> String {
    hash(&[service_arn], NAME_HASH_DIGITS)
}

/// A pool: a VPC, a scheme and, for a dedicated load balancer, its owner.
#[must_use]
pub fn pool_id(vpc_id: &str, scheme: &str, dedicated_to: Option<&str>) -> String {
    hash(&[vpc_id, scheme, dedicated_to.unwrap_or("")], POOL_DIGITS)
}

/// Name of a load balancer and of its security group (≤ 32 characters for ordinals below 10^14).
#[must_use]
pub fn load_balancer(pool_id: &str, ordinal: u64) -> String {
    format!("express-{pool_id}-{ordinal}")
}

/// The pool of a load balancer of this name; none for one that is not the provider's.
#[must_use]
pub fn pool_of_load_balancer(name: &str) -> Option<&str> {
    let (pool_id, ordinal) = name.strip_prefix("express-")?.rsplit_once('-')?;
    ordinal.parse::<u64>().ok()?;
    (pool_id.len() == POOL_DIGITS).then_some(pool_id)
}

/// Which of a service's two target groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pair {
    /// The group that ECS is given first (`targetGroupArn`); which one serves alternates.
    A,
    /// The other.
    B,
}

impl Pair {
    /// Both groups.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The letter in the group's name.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// Name of a target group: 31 of the 32 characters that ELB allows.
///
/// The pool is in it because a target group belongs to one load balancer for good: a service that moves to
/// another pool gets groups of its own there while the old ones still serve.
#[must_use]
pub fn target_group(service_arn: &str, pool_id: &str, pair: Pair) -> String {
    format!(
        "{}{pool_id}-{}",
        target_groups_of(service_arn),
        pair.letter()
    )
}

/// Whether a target group is named as [`target_group`] names them: people's names may begin like ours.
#[must_use]
pub fn is_target_group(name: &str) -> bool {
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match name.split('-').collect::<Vec<_>>().as_slice() {
        ["express", service, pool, letter] => {
            is_hex(service, NAME_HASH_DIGITS)
                && is_hex(pool, POOL_DIGITS)
                && Pair::BOTH.iter().any(|pair| *letter == pair.letter())
        }
        _ => false,
    }
}

/// How the names of all target groups of a service begin, whatever their pool.
#[must_use]
pub fn target_groups_of(service_arn: &str) -> String {
    format!("express-{}-", service_key(service_arn))
}

/// How physical ids begin that name nothing: the id of the request that was refused follows.
pub const ID_OF_NOTHING: &str = "express-nothing:";
/// The most bytes that a physical id may have.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>
pub const PHYSICAL_ID_BYTES_MAX: usize = 1024;

/// An id that names nothing: the answer to a Create that was refused before anything was claimed, or that has failed to
/// take up again what its stack had let go of.
///
/// It differs for each request, so that CloudFormation never takes two refused resources for one.
#[must_use]
pub fn id_of_nothing(request_id: &RequestId) -> String {
    let mut id = format!("{ID_OF_NOTHING}{request_id}");
    id.truncate(id.floor_char_boundary(PHYSICAL_ID_BYTES_MAX));
    id
}

/// Name of the service's security group.
#[must_use]
pub fn service_security_group(service_arn: &str) -> String {
    format!("express-service-{}", service_key(service_arn))
}

/// Task definition family: at most 8 + 63 + 1 + 12 of 255 characters.
#[must_use]
pub fn family(service_name: &str, service_arn: &str) -> String {
    format!("express-{service_name}-{}", service_key(service_arn))
}

/// Name of the rollback alarm: at most 93 of 255 characters.
#[must_use]
pub fn rollback_alarm(service_name: &str, service_arn: &str) -> String {
    format!(
        "express-{service_name}-{}-rollback",
        service_key(service_arn)
    )
}

/// Name of the scaling policy.
#[must_use]
pub fn scaling_policy(service_arn: &str) -> String {
    format!("express-{}", service_key(service_arn))
}

/// Log group of a service that names none: Express Mode's form, with a hash where the names are long.
#[must_use]
pub fn log_group(service_name: &str, cluster: &str) -> String {
    let wished = format!("/aws/ecs/{cluster}/{service_name}");
    if wished.len() <= LOG_GROUP_MAX {
        return wished;
    }
    let hash = hash(&[cluster, service_name], NAME_HASH_DIGITS);
    format!("/aws/ecs/{service_name}-{hash}")
}

/// CreateService's client token: the same for every attempt of one request, ≤ 36 characters.
#[must_use]
pub fn client_token(request_id: &RequestId, service_arn: &str) -> String {
    hash(&[request_id.as_str(), service_arn], 32)
}

/// Priority of the rule in `slot`. Slots only grow; after 19,000 claims on one load balancer the
/// priorities begin again, and one that is still taken makes its claimant take the next slot.
#[must_use]
pub const fn rule_priority(slot: u64) -> u32 {
    RULE_PRIORITY_FIRST + offset(slot)
}

/// Priority of the rule for test traffic in `slot`.
#[must_use]
pub const fn test_rule_priority(slot: u64) -> u32 {
    TEST_RULE_PRIORITY_FIRST + offset(slot)
}

const fn offset(slot: u64) -> u32 {
    // Exact: the remainder is below 19,000.
    (slot % RULE_PRIORITIES as u64) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn host_label_is_the_service_name_where_it_can_be() {
        assert_eq!(host_label("web", "default"), "web");
        assert_eq!(host_label("web", "prod"), "web-prod");
    }

    #[test]
    fn altered_host_label_ends_with_a_hash() {
        let label = host_label("Web_1", "default");
        let (stem, suffix) = label.rsplit_once('-').expect("a suffix");
        assert_eq!((stem, suffix.len()), ("web-1", 12));
    }

    proptest! {
        #[test]
        fn host_labels_are_dns_labels(service in "[A-Za-z0-9_-]{1,63}", cluster in "[A-Za-z0-9_-]{1,200}") {
            let label = host_label(&service, &cluster);
            prop_assert!((1..=63).contains(&label.len()), "{label}");
            prop_assert!(label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{label}");
            prop_assert!(!label.starts_with('-') && !label.ends_with('-'), "{label}");
        }

        #[test]
        fn altered_labels_of_different_services_differ(a in "[A-Z_]{1,63}", b in "[A-Z_]{1,63}") {
            prop_assume!(a != b);
            prop_assert_ne!(host_label(&a, "default"), host_label(&b, "default"));
        }

        #[test]
        fn names_keep_aws_limits(service in "[A-Za-z0-9_-]{1,63}", cluster in "[A-Za-z0-9_-]{1,230}", ordinal in 1_u64..1_000_000) {
            let arn = format!("arn:aws:ecs:eu-west-1:123456789012:service/{cluster}/{service}");
            prop_assert!(target_group(&arn, &pool_id("vpc-1", "internal", None), Pair::A).len() <= 32);
            prop_assert!(load_balancer(&pool_id("vpc-1", "internal", None), ordinal).len() <= 32);
            prop_assert!(family(&service, &arn).len() <= 255);
            prop_assert!(rollback_alarm(&service, &arn).len() <= 255);
            prop_assert!(log_group(&service, &cluster).len() <= 128);
            prop_assert!(client_token(&"id".into(), &arn).len() <= 36);
        }

        #[test]
        fn generated_names_are_service_names_and_the_owners_alone(
            a in "[A-Za-z0-9]{1,255}",
            b in "[A-Za-z0-9]{1,255}",
        ) {
            prop_assume!(a != b);
            let name = |logical_resource_id: &str| generated_service_name(&Owner {
                stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1".to_owned(),
                logical_resource_id: logical_resource_id.to_owned(),
            });
            prop_assert!(name(&a).len() <= 32, "{}", name(&a));
            prop_assert_eq!(host_label(&name(&a), "default"), name(&a));
            prop_assert_ne!(name(&a), name(&b));
        }

        #[test]
        fn pools_of_other_vpcs_schemes_and_owners_differ(
            a in ("vpc-[0-9a-f]{8}", "internal|internet-facing", prop::option::of("[0-9a-f]{20}")),
            b in ("vpc-[0-9a-f]{8}", "internal|internet-facing", prop::option::of("[0-9a-f]{20}")),
        ) {
            prop_assume!(a != b);
            let pool = |(vpc, scheme, owner): &(String, String, Option<String>)| {
                pool_id(vpc, scheme, owner.as_deref())
            };
            prop_assert_ne!(pool(&a), pool(&b));
        }

        #[test]
        fn slots_of_one_load_balancer_have_priorities_of_their_own(
            first in 0..1_000_000_u64,
            distance in 1..u64::from(RULE_PRIORITIES),
        ) {
            prop_assert_ne!(rule_priority(first), rule_priority(first + distance));
        }

        #[test]
        fn priorities_stay_in_our_band(slot in any::<u64>()) {
            prop_assert!((20_000..40_000).contains(&rule_priority(slot)));
            prop_assert!((1000..20_000).contains(&test_rule_priority(slot)));
        }
    }
}
