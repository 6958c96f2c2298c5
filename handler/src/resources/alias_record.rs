//! Alias records: found, written, deleted.
//!
//! Identity: name and type A in the provider's hosted zone. Repeat-safe: UPSERT. A deletion repeats the
//! observed values; when the record has changed since, Route 53 refuses it.
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType,
};
use express_core::resources::alias_record::{AliasRecordSpec, ObservedAliasRecord};

use crate::aws::AwsClients;
use crate::aws::error::answer::unbuildable;
use crate::aws::error::{AwsError, aws_error, if_found};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// The record of type A of this name.
///
/// A record that is no alias has its values as `target_dns_name` and an empty hosted zone: it leads
/// elsewhere, and is never ours.
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    hosted_zone_id: &str,
    host: &str,
) -> Result<Option<ObservedAliasRecord>, AwsError> {
    // The listing begins at this name and type; when there is no such record, it begins with a later one.
    // AWS: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
    let answer = aws
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(hosted_zone_id)
        .start_record_name(host)
        .start_record_type(RrType::A)
        .max_items(1)
        .send()
        .await
        .map_err(aws_error("route53:ListResourceRecordSets"))?;
    Ok(answer
        .resource_record_sets()
        .first()
        .filter(|record| is_named(record, host))
        .map(observed))
}

/// Makes the record; one that is there already, whosever it is, is not touched.
///
/// # Errors
/// When AWS refuses: with `AlreadyExists` when there is one.
pub async fn create(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
) -> Result<ObservedAliasRecord, AwsError> {
    write(aws, spec, ChangeAction::Create).await
}

/// Writes the record, whatever was there.
///
/// # Errors
/// When AWS refuses.
pub async fn upsert(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
) -> Result<ObservedAliasRecord, AwsError> {
    write(aws, spec, ChangeAction::Upsert).await
}

async fn write(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
    action: ChangeAction,
) -> Result<ObservedAliasRecord, AwsError> {
    let AliasRecordSpec {
        hosted_zone_id,
        host,
        target_dns_name,
        target_hosted_zone_id,
    } = spec;
    let record = ObservedAliasRecord {
        target_dns_name: target_dns_name.clone(),
        target_hosted_zone_id: target_hosted_zone_id.clone(),
        evaluate_target_health: false,
    };
    change(aws, hosted_zone_id, host, action, &record).await?;
    Ok(record)
}

/// Deletes the record as it was observed; one that is not there any more counts as deleted.
///
/// # Errors
/// When AWS refuses.
pub async fn delete(
    aws: &AwsClients,
    hosted_zone_id: &str,
    host: &str,
    record: &ObservedAliasRecord,
) -> Result<(), AwsError> {
    let deleted = change(aws, hosted_zone_id, host, ChangeAction::Delete, record).await;
    if_found(deleted).map(|_| ())
}

async fn change(
    aws: &AwsClients,
    hosted_zone_id: &str,
    host: &str,
    action: ChangeAction,
    record: &ObservedAliasRecord,
) -> Result<(), AwsError> {
    let ObservedAliasRecord {
        target_dns_name,
        target_hosted_zone_id,
        evaluate_target_health,
    } = record;
    let target = AliasTarget::builder()
        .dns_name(target_dns_name)
        .hosted_zone_id(target_hosted_zone_id)
        .evaluate_target_health(*evaluate_target_health)
        .build()
        .map_err(unbuildable(CHANGE))?;
    let record = ResourceRecordSet::builder()
        .name(host)
        .r#type(RrType::A)
        .alias_target(target)
        .build()
        .map_err(unbuildable(CHANGE))?;
    let change = Change::builder()
        .action(action)
        .resource_record_set(record)
        .build()
        .map_err(unbuildable(CHANGE))?;
    let batch = ChangeBatch::builder()
        .changes(change)
        .build()
        .map_err(unbuildable(CHANGE))?;
    aws.route53
        .change_resource_record_sets()
        .hosted_zone_id(hosted_zone_id)
        .change_batch(batch)
        .send()
        .await
        .map(|_| ())
        .map_err(aws_error(CHANGE))
}

/// Route 53 writes names in lower case and with a dot at the end.
fn is_named(record: &ResourceRecordSet, host: &str) -> bool {
    *record.r#type() == RrType::A
        && record
            .name()
            .trim_end_matches('.')
            .eq_ignore_ascii_case(host.trim_end_matches('.'))
}

fn observed(record: &ResourceRecordSet) -> ObservedAliasRecord {
    match record.alias_target() {
        Some(target) => ObservedAliasRecord {
            target_dns_name: target.dns_name().to_owned(),
            target_hosted_zone_id: target.hosted_zone_id().to_owned(),
            evaluate_target_health: target.evaluate_target_health(),
        },
        None => ObservedAliasRecord {
            target_dns_name: record
                .resource_records()
                .iter()
                .map(|value| value.value())
                .collect::<Vec<_>>()
                .join(" "),
            target_hosted_zone_id: String::new(),
            evaluate_target_health: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, record_type: RrType) -> ResourceRecordSet {
        ResourceRecordSet::builder()
            .name(name)
            .r#type(record_type)
            .build()
            .expect("has all members")
    }

    #[test]
    fn the_listing_may_begin_with_another_record() {
        assert!(is_named(
            &record("web.example.com.", RrType::A),
            "web.example.com"
        ));
        assert!(!is_named(
            &record("web.example.com.", RrType::Aaaa),
            "web.example.com"
        ));
        assert!(!is_named(
            &record("web2.example.com.", RrType::A),
            "web.example.com"
        ));
    }
}
