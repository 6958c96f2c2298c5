//! How AWS is reached: as the AWS CLI and every SDK do, by profile, environment or role.
//!
//! `AWS_ENDPOINT_URL` leads to `express local serve`.

use anyhow::ensure;
use aws_config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::Args;
use express_handler::aws::AwsClients;

/// TLS by ring, as in the function.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Which account and region.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// Profile of the AWS configuration, IAM Identity Center included.
    #[arg(long)]
    profile: Option<String>,
    /// Region; that of the profile or the environment unless given.
    #[arg(long)]
    region: Option<String>,
}

impl Connection {
    /// Clients with the credentials that are found.
    ///
    /// # Errors
    /// When nothing says which region.
    pub async fn clients(&self) -> anyhow::Result<AwsClients> {
        let Self { profile, region } = self;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(TLS).build_https());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        ensure!(
            config.region().is_some(),
            "no region is set: give --region or --profile, or set AWS_REGION"
        );
        Ok(AwsClients::new(&config))
    }
}
