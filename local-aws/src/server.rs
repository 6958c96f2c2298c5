//! The way in for other processes: HTTP on a loopback port.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::LocalAws;
use crate::wire::{self, Refusal};

/// Largest request body that is read; AWS's own limits for these services are far below.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Opens `port` (0 for any free one) on 127.0.0.1, and on no other address.
///
/// # Errors
/// When the port is taken.
pub async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Answers requests until the future is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(cloud: LocalAws, listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let cloud = cloud.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(cloud.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}

async fn answer(
    cloud: LocalAws,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, mut body) = request.into_parts();
    let response = match Limited::new(&mut body, BODY_BYTES_MAX).collect().await {
        Ok(body) => cloud.answer(&http::Request::from_parts(parts, body.to_bytes())),
        Err(error) => {
            // A connection that is closed while somebody sends takes the answer along. Who sends twice as much may lose it.
            Limited::new(&mut body, BODY_BYTES_MAX).collect().await.ok();
            let refusal = Refusal::new(413, "RequestEntityTooLarge", error.to_string());
            wire::refuse(&http::Request::from_parts(parts, Bytes::new()), refusal)
        }
    };
    Ok(response.map(Full::new))
}
