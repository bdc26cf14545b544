//! The doors: applications come in by one, operators by another.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, header};

use backstop_listener::{AnswerBody, Connection, Serve, read_body};
use backstop_vocabulary::Failure;

use crate::beside::{passthrough, stored};
use crate::core::Core;
use crate::gateway::Gateway;
use crate::serve::serve;
use crate::{answer, console};

/// Where applications come in: one for each serving thread.
#[derive(Debug)]
pub struct Door {
    core: Arc<Core>,
}

impl Door {
    /// The door of this core.
    pub const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl Serve for Door {
    async fn serve(
        &self,
        request: Request<hyper::body::Incoming>,
        connection: Connection,
    ) -> Response<AnswerBody> {
        let live = self.core.shared.live.load_full();
        let cors = &live.cors;
        if let Some(answer) = cors.preflight(&request) {
            return answer;
        }
        let (mut head, body) = request.into_parts();
        if let Some(standing) = console::standing(&self.core.shared, &head) {
            return standing;
        }
        if let Some(at_provider) = stored::elsewhere(&self.core.shared, &head) {
            head.uri = at_provider;
        }
        let origin = head.headers.get(header::ORIGIN).cloned();
        if head.uri.path().starts_with(passthrough::PREFIX) {
            let core = Arc::clone(&self.core);
            let mut response = passthrough::serve(core, head, body, connection).await;
            cors.decorate(origin.as_ref(), response.headers_mut());
            return response;
        }
        let limits = &live.settings.limits;
        let bytes_max = usize::try_from(limits.body_bytes_max).unwrap_or(usize::MAX);
        let body =
            async { read_body(body, bytes_max, limits.body_time_max).await.map_err(Failure::from) };
        let mut response = serve(Arc::clone(&self.core), head, body).await;
        cors.decorate(origin.as_ref(), response.headers_mut());
        response
    }
}

/// Where operators come in.
#[derive(Debug)]
pub struct ConsoleDoor {
    gateway: Gateway,
}

impl ConsoleDoor {
    /// The console of this gateway.
    pub const fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

impl Serve for ConsoleDoor {
    async fn serve(
        &self,
        request: Request<hyper::body::Incoming>,
        connection: Connection,
    ) -> Response<AnswerBody> {
        drop(connection);
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return answer::plain(StatusCode::METHOD_NOT_ALLOWED, "the console is read with GET\n");
        }
        let (head, _) = request.into_parts();
        console::page(&self.gateway, &head)
    }
}
