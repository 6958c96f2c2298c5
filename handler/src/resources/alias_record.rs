//! Alias records: found, written, deleted.
//!
//! Identity: name and type A in the provider's hosted zone. Repeat-safe: UPSERT. A deletion repeats the
//! observed values; when the record has changed since, Route 53 refuses it.
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecordSet, RrType,
};
use express_core::resources::alias_record::{AliasChange, AliasRecordSpec, ObservedAliasRecord};

use crate::aws::AwsClients;
use crate::aws::error::answer::{member, unbuildable, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

/// Types of records that say where the clients of a name go. A `CNAME` leaves no room for any other record.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html>
const LEADING_CLIENTS: [RrType; 3] = [RrType::A, RrType::Aaaa, RrType::Cname];
/// Records of one name that are looked at: each of Route 53's types once, and some more.
const RECORDS_MAX: i32 = 20;

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// The record of type A of this name; where there is none, one of another type that leads clients elsewhere.
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
    // The listing begins at this name, with whatever types it has; when there is no such record, with a later one.
    // AWS: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
    let answer = aws
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(hosted_zone_id)
        .start_record_name(host)
        .max_items(RECORDS_MAX)
        .send()
        .await
        .map_err(aws_error("route53:ListResourceRecordSets"))?;
    let mut named: Vec<_> = answer
        .resource_record_sets()
        .iter()
        .filter(|record| is_named(record, host))
        .collect();
    named.sort_by_key(|record| *record.r#type() != RrType::A);
    Ok(named
        .into_iter()
        .find(|record| LEADING_CLIENTS.contains(record.r#type()))
        .map(observed))
}

/// Makes the record; one that is there already, whosever it is, is not touched.
///
/// # Errors
/// When AWS refuses: with `AlreadyExists` when there is one.
pub async fn create(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
) -> Result<(ObservedAliasRecord, AliasChange), AwsError> {
    write(aws, spec, ChangeAction::Create).await
}

/// Writes the record, whatever was there.
///
/// # Errors
/// When AWS refuses.
pub async fn upsert(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
) -> Result<(ObservedAliasRecord, AliasChange), AwsError> {
    write(aws, spec, ChangeAction::Upsert).await
}

async fn write(
    aws: &AwsClients,
    spec: &AliasRecordSpec,
    action: ChangeAction,
) -> Result<(ObservedAliasRecord, AliasChange), AwsError> {
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
        other_type: None,
    };
    let id = change(aws, hosted_zone_id, host, action, &record).await?;
    Ok((record, id.map_or(AliasChange::None, AliasChange::Made)))
}

/// Whether every name server answers with a change.
///
/// # Errors
/// When AWS refuses: also for an id that it does not know.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html>
pub async fn find_change(aws: &AwsClients, id: &str) -> Result<AliasChange, AwsError> {
    const OPERATION: &str = "route53:GetChange";
    let answer = aws
        .route53
        .get_change()
        .id(id)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    let status = answer.change_info().map(|change| change.status());
    match member(OPERATION, "Status", status)? {
        ChangeStatus::Insync => Ok(AliasChange::Everywhere),
        ChangeStatus::Pending => Ok(AliasChange::Spreading),
        other => Err(unknown_value(OPERATION, "Status", other.as_str())),
    }
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

/// The id of the change.
async fn change(
    aws: &AwsClients,
    hosted_zone_id: &str,
    host: &str,
    action: ChangeAction,
    record: &ObservedAliasRecord,
) -> Result<Option<String>, AwsError> {
    let ObservedAliasRecord {
        target_dns_name,
        target_hosted_zone_id,
        evaluate_target_health,
        other_type: _,
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
        .map(|answer| answer.change_info.map(|change| change.id))
        .map_err(aws_error(CHANGE))
}

/// Route 53 writes names in lower case and with a dot at the end.
fn is_named(record: &ResourceRecordSet, host: &str) -> bool {
    record
        .name()
        .trim_end_matches('.')
        .eq_ignore_ascii_case(host.trim_end_matches('.'))
}

fn observed(record: &ResourceRecordSet) -> ObservedAliasRecord {
    let is_address = *record.r#type() == RrType::A;
    let other_type = (!is_address).then(|| record.r#type().as_str().to_owned());
    match record.alias_target() {
        Some(target) => ObservedAliasRecord {
            target_dns_name: target.dns_name().to_owned(),
            target_hosted_zone_id: target.hosted_zone_id().to_owned(),
            evaluate_target_health: target.evaluate_target_health(),
            other_type,
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
            other_type,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_may_begin_with_another_name() {
        let record = |name: &str| {
            let record = ResourceRecordSet::builder().name(name).r#type(RrType::A);
            record.build().expect("has all members")
        };
        assert!(is_named(&record("web.example.com."), "web.example.com"));
        assert!(!is_named(&record("web2.example.com."), "web.example.com"));
    }
}
