//! `express local serve`: the stand-in as a server, for the AWS CLI and any SDK.
//!
//! Everything is in memory and starts empty but for the default VPC. The same calls give the same
//! identifiers in every run.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use local_aws::clock::Clock;
use local_aws::{Account, LocalAws, Settings, server};

#[derive(Args)]
pub struct Arguments {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 4600)]
    port: u16,
    /// Simulated seconds per second: how fast deployments, health checks and the like go.
    #[arg(long, default_value = "1", value_parser = rate)]
    rate: f64,
    /// The account: twelve digits.
    #[arg(long, default_value = "123456789012", value_parser = account)]
    account: String,
    /// The region, which also decides the partition.
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    region: String,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        port,
        rate,
        account,
        region,
    } = arguments;
    let listener = server::listen(port)
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    let url = format!(
        "http://{}",
        listener
            .local_addr()
            .context("the listener has no address")?
    );
    let hint = how_to_use(&url, &account, &region);
    let cloud = LocalAws::new(Settings {
        account: Account {
            partition: partition(&region).to_owned(),
            id: account,
            region,
        },
        clock: Clock::scaled(rate),
        seed: 1,
    });
    writeln!(std::io::stdout(), "{hint}").context("cannot write to standard output")?;
    tokio::select! {
        served = server::serve(cloud, listener) => served.context("the server ended"),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C"),
    }
}

fn how_to_use(url: &str, account: &str, region: &str) -> String {
    // The access key says nothing here, but the AWS CLI sends no request without one.
    format!(
        "Account {account}, {region}, at {url}. To use it with the AWS CLI, in another terminal:\n\n  \
         export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION={region}\n  \
         export AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=local\n  \
         aws ec2 describe-subnets\n\n\
         Ctrl-C ends it; nothing is kept."
    )
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    if rate.is_finite() && rate > 0.0 {
        Ok(rate)
    } else {
        Err("must be above 0".to_owned())
    }
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("must be twelve digits".to_owned())
    }
}

fn region(text: &str) -> Result<String, String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if text.contains('-') && text.split('-').all(is_word) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a region, for example eu-west-1".to_owned())
    }
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_above_zero() {
        assert_eq!(rate("60"), Ok(60.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "inf", "NaN", "fast", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert!(account("123456789012").is_ok());
        for wrong in ["12345678901", "1234567890123", "12345678901x", ""] {
            assert!(account(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_region_decides_the_partition() {
        for (name, expected) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
        ] {
            assert_eq!(region(name).as_deref(), Ok(name));
            assert_eq!(partition(name), expected);
        }
        for wrong in ["Europe", "eu--1", "eu-west-1/", "", "eu_west_1-"] {
            assert!(region(wrong).is_err(), "{wrong}");
        }
    }
}
