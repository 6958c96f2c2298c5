//! Calls to the local stack's CloudFormation, S3 and IAM: plain HTTP, since nothing else here needs their SDKs.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{ACCOUNT_ID, REGION};

/// Version of CloudFormation's Query interface.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html>
const CLOUDFORMATION_VERSION: &str = "2010-05-15";
/// Version of IAM's Query interface.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>
const IAM_VERSION: &str = "2010-05-08";

/// The local stack on its loopback port.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    port: u16,
}

impl Gateway {
    /// The one that listens on `port`.
    #[must_use]
    pub const fn new(port: u16) -> Self {
        Self { port }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether it answers at all.
    pub async fn is_up(self) -> bool {
        let request = Request::get("/_ministack/health").body(Full::default());
        let Ok(request) = request else { return false };
        self.send(request)
            .await
            .is_ok_and(|(status, _)| status.is_success())
    }

    /// One call of CloudFormation; the answer is XML.
    ///
    /// # Errors
    /// When it is refused; the text is AWS's.
    pub async fn cloudformation(
        self,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        self.query("cloudformation", CLOUDFORMATION_VERSION, action, parameters)
            .await
    }

    /// One call of IAM; the answer is XML.
    ///
    /// # Errors
    /// When it is refused; the text is AWS's.
    pub async fn iam(self, action: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
        self.query("iam", IAM_VERSION, action, parameters).await
    }

    /// Makes a bucket, or an object in one, with `PUT <path>`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn put_to_s3(self, path: &str, body: Bytes) -> anyhow::Result<()> {
        let request = Request::builder().method(Method::PUT).uri(path);
        self.ask("s3", request, body)
            .await
            .map(drop)
            .with_context(|| format!("PUT {path}"))
    }

    async fn query(
        self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version)
            .extend_pairs(parameters)
            .finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(service, request, form.into())
            .await
            .with_context(|| action.to_owned())
    }

    async fn ask(
        self,
        service: &str,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<String> {
        // Nobody checks signatures here. The scope says which service is meant, the access key which account.
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={ACCOUNT_ID}/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=none"
        );
        let request = request
            .header(header::AUTHORIZATION, signature)
            .body(Full::new(body))?;
        let (status, body) = self.send(request).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            bail!("{status}: {text}");
        }
        Ok(text)
    }

    async fn send(self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        request
            .headers_mut()
            .insert(header::HOST, address.to_string().parse()?);
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok((status, body))
    }
}
