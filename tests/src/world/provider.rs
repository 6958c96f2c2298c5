//! What `templates/provider.yaml` makes: the ledger, the key, the waiter, the domain's zone and certificate.

use std::collections::BTreeMap;

use local_aws::LocalAws;
use local_aws::clock::VirtualClock;
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::{ACCOUNT_ID, REGION, World};

/// The domain of every world.
pub const DOMAIN_NAME: &str = "apps.example.com";
/// The ledger's table.
pub const LEDGER_TABLE: &str = "express-ledger";
/// Looks at a certificate before it must be ISSUED: ACM validates within minutes of the record.
const CERTIFICATE_LOOKS_MAX: u32 = 60;

/// The ledger's `AttributeDefinitions`, here and in the template.
#[must_use]
pub fn ledger_attributes() -> Value {
    json!([{"AttributeName": "pk", "AttributeType": "S"}])
}

/// The ledger's `KeySchema`.
#[must_use]
pub fn ledger_key() -> Value {
    json!([{"AttributeName": "pk", "KeyType": "HASH"}])
}

/// The ledger's `TimeToLiveSpecification`.
#[must_use]
pub fn ledger_time_to_live() -> Value {
    json!({"AttributeName": "expires_at", "Enabled": true})
}

/// The installed provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The function's environment variables.
    pub environment: BTreeMap<&'static str, String>,
    /// The domain's zone.
    pub hosted_zone_id: String,
    /// Whether zone and certificate exist, and so the services around them.
    pub(crate) has_services: bool,
}

impl Provider {
    /// All of it.
    pub(crate) fn install(account: &LocalAws, clock: &VirtualClock) -> Self {
        let zone = perform(
            account,
            Service::Route53,
            "CreateHostedZone",
            json!({
                "path": "/2013-04-01/hostedzone",
                "body": {"Name": DOMAIN_NAME, "CallerReference": "provider"},
            }),
        );
        let hosted_zone_id =
            text(&zone, "/CreateHostedZoneResponse/HostedZone/Id").replace("/hostedzone/", "");
        let certificate_arn = request_certificate(account, "installed");
        validate(account, clock, &certificate_arn, &hosted_zone_id);
        let mut provider = Self::uninstalled(account);
        provider.hosted_zone_id.clone_from(&hosted_zone_id);
        provider
            .environment
            .insert("EXPRESS_HOSTED_ZONE_ID", hosted_zone_id);
        provider
            .environment
            .insert("EXPRESS_CERTIFICATE_ARN", certificate_arn);
        provider.has_services = true;
        provider
    }

    /// The ledger, and an environment that names a certificate which is not there.
    pub(crate) fn uninstalled(account: &LocalAws) -> Self {
        perform(
            account,
            Service::DynamoDb,
            "CreateTable",
            json!({
                "TableName": LEDGER_TABLE,
                "AttributeDefinitions": ledger_attributes(),
                "KeySchema": ledger_key(),
                "BillingMode": "PAY_PER_REQUEST",
            }),
        );
        perform(
            account,
            Service::DynamoDb,
            "UpdateTimeToLive",
            json!({
                "TableName": LEDGER_TABLE,
                "TimeToLiveSpecification": ledger_time_to_live(),
            }),
        );
        let arn = |service: &str, resource: &str| {
            format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}")
        };
        Self {
            environment: BTreeMap::from([
                ("AWS_REGION", REGION.to_owned()),
                ("EXPRESS_LEDGER_TABLE", LEDGER_TABLE.to_owned()),
                (
                    "EXPRESS_WAITER_STATE_MACHINE_ARN",
                    arn("states", "stateMachine:express-waiter"),
                ),
                (
                    "EXPRESS_SEAL_KEY_ARN",
                    arn("kms", "key/00000000-0000-4000-8000-000000000001"),
                ),
                ("EXPRESS_DOMAIN_NAME", DOMAIN_NAME.to_owned()),
                ("EXPRESS_CERTIFICATE_ARN", arn("acm", "certificate/none")),
            ]),
            hosted_zone_id: String::new(),
            has_services: false,
        }
    }

    /// The host name of a service.
    #[must_use]
    pub fn host(&self, label: &str) -> String {
        format!("{label}.{DOMAIN_NAME}")
    }
}

impl World {
    /// The provider's stack is updated: from now on every process of the function has this variable, and none that has
    /// not is called any more.
    pub fn configure(&self, variable: &'static str, value: &str) {
        let mut configured = self.0.configured.borrow_mut();
        configured.insert(variable, value.to_owned());
        self.0.processes.borrow_mut().clear();
    }

    /// One of the function's variables.
    pub(super) fn environment(&self, name: &str) -> Option<String> {
        let configured = self.0.configured.borrow().get(name).cloned();
        configured.or_else(|| self.0.provider.environment.get(name).cloned())
    }

    /// The provider gets another certificate for the domain; its ARN.
    pub fn renew_certificate(&self) -> String {
        let arn = request_certificate(self.account(), "renewed");
        let zone = &self.0.provider.hosted_zone_id;
        validate(self.account(), self.clock(), &arn, zone);
        self.configure("EXPRESS_CERTIFICATE_ARN", &arn);
        arn
    }
}

/// The same token answers with the same certificate.
/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
fn request_certificate(account: &LocalAws, token: &str) -> String {
    let certificate = perform(
        account,
        Service::Acm,
        "RequestCertificate",
        json!({
            "DomainName": format!("*.{DOMAIN_NAME}"),
            "ValidationMethod": "DNS",
            "IdempotencyToken": token,
        }),
    );
    text(&certificate, "/CertificateArn")
}

/// Answers ACM's DNS challenge, as CloudFormation does for a certificate with a zone.
/// AWS: <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>
fn validate(account: &LocalAws, clock: &VirtualClock, certificate_arn: &str, hosted_zone_id: &str) {
    let look = || {
        let input = json!({"CertificateArn": certificate_arn});
        perform(account, Service::Acm, "DescribeCertificate", input)
    };
    let record = look()
        .pointer("/Certificate/DomainValidationOptions/0/ResourceRecord")
        .cloned();
    if let Some(record) = record {
        let change = json!({"Change": {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": record["Name"], "Type": record["Type"], "TTL": "300",
                "ResourceRecords": {"ResourceRecord": {"Value": record["Value"]}},
            },
        }});
        perform(
            account,
            Service::Route53,
            "ChangeResourceRecordSets",
            json!({
                "path": format!("/2013-04-01/hostedzone/{hosted_zone_id}/rrset"),
                "body": {"ChangeBatch": {"Changes": change}},
            }),
        );
    }
    for _ in 0..CERTIFICATE_LOOKS_MAX {
        if look().pointer("/Certificate/Status") == Some(&json!("ISSUED")) {
            return;
        }
        clock.advance_by(std::time::Duration::from_secs(10));
    }
    panic!("the certificate was not issued");
}

fn perform(account: &LocalAws, service: Service, operation: &str, input: Value) -> Value {
    account
        .perform(service, operation, input)
        .unwrap_or_else(|refusal| panic!("{operation} was refused: {refusal:?}"))
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}
