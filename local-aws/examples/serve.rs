//! The stand-in on a loopback port, for the AWS CLI and other SDKs.
//!
//! `cargo run -p local-aws --example serve -- <port> [<rate> [<account> [<region>]]]`, then for example
//! `aws --endpoint-url http://127.0.0.1:<port> sts get-caller-identity`. Defaults: port 4600, rate 1
//! (simulated seconds per second), account 123456789012, region us-east-1; one seed, so that
//! two runs make the same identifiers.

use std::str::FromStr;

use local_aws::clock::Clock;
use local_aws::{Account, LocalAws, Settings, server};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port: u16 = argument(1, "4600")?;
    let rate: f64 = argument(2, "1")?;
    if !rate.is_finite() || rate <= 0.0 {
        return Err(std::io::Error::other("the rate must be above 0"));
    }
    let cloud = LocalAws::new(Settings {
        account: Account {
            id: argument(3, "123456789012")?,
            region: argument(4, "us-east-1")?,
            partition: "aws".to_owned(),
        },
        clock: Clock::scaled(rate),
        seed: 1,
    });
    let listener = server::listen(port).await?;
    server::serve(cloud, listener).await
}

fn argument<T: FromStr>(position: usize, default: &str) -> std::io::Result<T> {
    let text = std::env::args()
        .nth(position)
        .unwrap_or_else(|| default.to_owned());
    text.parse().map_err(|_| {
        std::io::Error::other(format!("argument {position}, `{text}`, is not of its form"))
    })
}
