//! Certificates of HTTPS listeners: a default one, and others that are chosen by the client's name.
//!
//! A certificate is in use by a load balancer as long as one of its listeners has it.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::listener::{self, Listener, Protocol};
use super::{page, quota};
use crate::acm;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// The certificates of a listener.
pub(super) fn of(listener: &Listener) -> BTreeSet<String> {
    let default = listener.protocol.certificate_arn().map(str::to_owned);
    let extra = listener.extra_certificates.iter().cloned();
    default.into_iter().chain(extra).collect()
}

/// Lets ACM know whether a load balancer uses these certificates, after one of its listeners changed.
pub(super) fn use_changed(
    cloud: &mut Cloud,
    load_balancer_arn: &str,
    certificates: &BTreeSet<String>,
) {
    let used: BTreeSet<String> = listener::of_load_balancer(&cloud.elbv2, load_balancer_arn)
        .flat_map(of)
        .collect();
    for arn in certificates {
        acm::set_in_use(cloud, arn, load_balancer_arn, used.contains(arn));
    }
}

/// The default certificate that a CreateListener or ModifyListener names: at most one.
pub(super) fn default_of_call(cloud: &Cloud, input: Input<'_>) -> Result<Option<String>, Refusal> {
    if input.items("Certificates").next().is_none() {
        return Ok(None);
    }
    one(cloud, input).map(Some)
}

fn one(cloud: &Cloud, input: Input<'_>) -> Result<String, Refusal> {
    let mut certificates = input.items("Certificates");
    let (Some(certificate), None) = (certificates.next(), certificates.next()) else {
        return Err(super::invalid("Exactly one certificate must be specified"));
    };
    certificate.only(&["CertificateArn"])?;
    let arn = certificate.required("CertificateArn")?;
    let known = acm::certificate(cloud, arn).ok_or_else(|| {
        Refusal::client(
            "CertificateNotFound",
            format!("Certificate '{arn}' not found"),
        )
    })?;
    if known.status != acm::Status::Issued {
        return Err(Refusal::client(
            "UnsupportedCertificate",
            format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported \
                 signature, and a supported key size."
            ),
        ));
    }
    Ok(arn.to_owned())
}

fn https_listener(cloud: &Cloud, input: Input<'_>) -> Result<Listener, Refusal> {
    let listener = listener::named(&cloud.elbv2, input.required("ListenerArn")?)?;
    if listener.protocol == Protocol::Http {
        return Err(super::invalid(
            "Certificates can only be specified for HTTPS listeners",
        ));
    }
    Ok(listener.clone())
}

/// One certificate a call; one that is there already is not added again.
pub(super) fn add(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn", "Certificates"])?;
    let mut listener = https_listener(cloud, input)?;
    let arn = one(cloud, input)?;
    if !listener.extra_certificates.contains(&arn) {
        let siblings = listener::of_load_balancer(&cloud.elbv2, &listener.load_balancer_arn);
        let count: usize = siblings.map(|one| one.extra_certificates.len()).sum();
        if count >= quota::CERTIFICATES_MAX {
            return Err(Refusal::client(
                "TooManyCertificates",
                "The maximum number of certificates has been reached on the load balancer",
            ));
        }
        listener.extra_certificates.push(arn.clone());
        put(cloud, listener, &arn);
    }
    Ok(json!({"Certificates": [{"CertificateArn": arn, "IsDefault": false}]}))
}

/// The default certificate cannot be removed, only replaced by ModifyListener.
pub(super) fn remove(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn", "Certificates"])?;
    let mut listener = https_listener(cloud, input)?;
    let mut certificates = input.items("Certificates");
    let (Some(certificate), None) = (certificates.next(), certificates.next()) else {
        return Err(super::invalid("Exactly one certificate must be specified"));
    };
    let arn = certificate.required("CertificateArn")?;
    let is_extra = listener.extra_certificates.iter().any(|known| known == arn);
    if !is_extra && listener.protocol.certificate_arn() == Some(arn) {
        return Err(Refusal::client(
            "OperationNotPermitted",
            "Default certificate cannot be removed",
        ));
    }
    listener.extra_certificates.retain(|known| known != arn);
    put(cloud, listener, arn);
    Ok(json!({}))
}

fn put(cloud: &mut Cloud, listener: Listener, changed: &str) {
    let load_balancer_arn = listener.load_balancer_arn.clone();
    cloud.elbv2.listeners.insert(listener.arn.clone(), listener);
    let certificates = BTreeSet::from([changed.to_owned()]);
    use_changed(cloud, &load_balancer_arn, &certificates);
}

/// The default certificate is first.
pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn", "Marker", "PageSize"])?;
    let listener = https_listener(cloud, input)?;
    let default = listener.protocol.certificate_arn().map(|arn| (0, arn));
    let extra = listener.extra_certificates.iter();
    let all: Vec<(usize, &str)> = default
        .into_iter()
        .chain(
            extra
                .enumerate()
                .map(|(index, arn)| (index + 1, arn.as_str())),
        )
        .collect();
    let (certificates, next) = page::of(all, |(index, _)| format!("{index:04}"), input)?;
    let described: Vec<Value> = certificates
        .into_iter()
        .map(|(index, arn)| json!({"CertificateArn": arn, "IsDefault": index == 0}))
        .collect();
    Ok(json!({"Certificates": described, "NextMarker": next}))
}
