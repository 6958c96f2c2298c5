//! The way in for the same process: an HTTP client for the SDK that hands requests to [`LocalAws`].
//!
//! A caller that is to die is modelled by an answer that never comes and a flag that its driver reads:
//! the driver drops the attempt's future, and whatever the call did before stays done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::fault::Fault;
use crate::{LocalAws, lock, wire};

/// An SDK HTTP client that never leaves the process. One for each attempt: its crash is its own.
#[derive(Clone)]
pub struct InProcess {
    cloud: LocalAws,
    crashed: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    late: Arc<Mutex<Vec<wire::Call>>>,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl InProcess {
    /// A client of `cloud`.
    #[must_use]
    pub fn new(cloud: LocalAws) -> Self {
        Self {
            cloud,
            crashed: Arc::default(),
            hangs: Arc::default(),
            late: Arc::default(),
        }
    }

    /// Whether a fault has ended the caller: its driver must now drop the attempt.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Whether a fault has stopped the caller where it stands: its driver must not let it go on.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }

    /// Whether calls are still on their way.
    #[must_use]
    pub fn has_late_calls(&self) -> bool {
        !lock(&self.late).is_empty()
    }

    /// Lets the calls that are still on their way have their effect.
    pub fn land_late_calls(&self) {
        self.land(|_| true);
    }

    fn land(&self, is_due: impl Fn(&wire::Call) -> bool) {
        let (due, others): (Vec<_>, Vec<_>) = std::mem::take(&mut *lock(&self.late))
            .into_iter()
            .partition(is_due);
        *lock(&self.late) = others;
        for call in due {
            drop(self.cloud.carry_out(&call));
        }
    }

    fn crash(&self) -> HttpConnectorFuture {
        self.crashed.store(true, Ordering::SeqCst);
        HttpConnectorFuture::new(std::future::pending())
    }

    fn carry_out(&self, request: http::Request<Bytes>) -> HttpConnectorFuture {
        if self.has_crashed() {
            // A dead process sends nothing more, whatever else of it is still polled.
            return HttpConnectorFuture::new(std::future::pending());
        }
        let call = match self.cloud.decode(&request) {
            Ok(call) => call,
            Err(refusal) => {
                let response = wire::refuse(&request, refusal);
                return HttpConnectorFuture::ready(Ok(to_sdk(response)));
            }
        };
        let fault = self.cloud.faults().strike(&call);
        if fault != Some(Fault::LandAfter) {
            // What the SDK sends again has not overtaken itself.
            self.land(|late| *late == call);
        }
        match fault {
            None => HttpConnectorFuture::ready(Ok(to_sdk(self.cloud.carry_out(&call)))),
            Some(Fault::CrashBefore) => self.crash(),
            Some(Fault::CrashAfter) => {
                drop(self.cloud.carry_out(&call));
                self.crash()
            }
            Some(Fault::LandLate) => {
                lock(&self.late).push(call);
                self.crash()
            }
            Some(Fault::LandAfter) => {
                lock(&self.late).push(call);
                HttpConnectorFuture::new(std::future::pending())
            }
            Some(Fault::Hang) => {
                drop(self.cloud.carry_out(&call));
                self.hangs.store(true, Ordering::SeqCst);
                HttpConnectorFuture::new(std::future::pending())
            }
            Some(Fault::Panic) => std::panic::panic_any("a panic, by a fault rule"),
            Some(Fault::LoseAnswer) => {
                drop(self.cloud.carry_out(&call));
                HttpConnectorFuture::ready(Err(ConnectorError::io(
                    "the connection was lost before the answer".into(),
                )))
            }
            Some(Fault::NoAnswer) => {
                drop(self.cloud.carry_out(&call));
                HttpConnectorFuture::new(std::future::pending())
            }
            Some(Fault::Twice) => {
                drop(self.cloud.carry_out(&call));
                HttpConnectorFuture::ready(Ok(to_sdk(self.cloud.carry_out(&call))))
            }
            Some(Fault::StaleRead) => {
                HttpConnectorFuture::ready(Ok(to_sdk(self.cloud.carry_out_late(&call))))
            }
            Some(
                fault @ (Fault::Throttle | Fault::ServerError | Fault::Deny | Fault::Refuse(..)),
            ) => {
                let response = match fault.refusal(&call) {
                    Some(refusal) => self.cloud.refuse(&call, refusal),
                    None => self.cloud.carry_out(&call),
                };
                HttpConnectorFuture::ready(Ok(to_sdk(response)))
            }
        }
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match from_sdk(request) {
            Ok(request) => self.carry_out(request),
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn from_sdk(request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let bytes = body
        .bytes()
        .map(Bytes::copy_from_slice)
        .ok_or_else(|| ConnectorError::user("a streaming request body has no place here".into()))?;
    Ok(http::Request::from_parts(parts, bytes))
}

fn to_sdk(response: http::Response<Bytes>) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let response = http::Response::from_parts(parts, SdkBody::from(body));
    HttpResponse::try_from(response).unwrap_or_else(|_| {
        HttpResponse::new(
            aws_smithy_runtime_api::http::StatusCode::try_from(500_u16)
                .unwrap_or_else(|_| unreachable!("500 is a status code")),
            SdkBody::empty(),
        )
    })
}
