//! The context of a request: its tenant, one view of it, and who asks.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, error::ErrorNotFound};
use bailiwick_actors::{Platform, TenantHandle, TenantView};
use bailiwick_domain::{ApplicationId, Env, Factor, Locale, TenantId, Timestamp};
use bailiwick_store::Store;

use crate::http::{peer, request_id::RequestId};
use crate::state::State;

/// What a handler of a tenant's route gets. One view is taken here and kept to the end.
#[derive(Clone)]
pub struct Cx {
    /// What every handler stands on.
    pub state: Data<State>,
    /// The tenant's handle: for commands.
    pub tenant: TenantHandle,
    /// The tenant's snapshots: for reading.
    pub view: Arc<TenantView>,
    /// The time of the request.
    pub now: Timestamp,
    /// The client's address.
    pub from: Option<IpAddr>,
    /// The id of the request.
    pub request_id: String,
    /// The language that the browser asks for, among those there are.
    pub locale: Option<Locale>,
}

impl Cx {
    /// Time and randomness.
    #[must_use]
    pub fn env(&self) -> &Env {
        self.state.platform.env()
    }

    /// The node's owners.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.state.platform
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.state.platform.store()
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        self.view.tenant.id
    }

    /// The one issuer of the tenant.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.view.tenant.issuer
    }

    /// Refuses to say that a token or a session is alive when this node has not heard of
    /// revocations for too long.
    ///
    /// # Errors
    /// The store's `Unavailable`.
    pub fn must_vouch(&self) -> Result<(), bailiwick_store::Error> {
        if self.platform().health().may_vouch(self.now) {
            Ok(())
        } else {
            Err(bailiwick_store::Error::Unavailable("the change feed is too old".into()))
        }
    }

    /// Whether people may be asked for this beside the password: the tenant allows it, and this
    /// installation can send what it takes.
    #[must_use]
    pub fn offers(&self, factor: Factor) -> bool {
        let sendable = factor != Factor::SmsCode || self.state.config.has_texts();
        sendable && self.view.tenant.settings.mfa.methods.contains(&factor)
    }

    /// Counts a refusal.
    pub fn refused(&self, kind: &'static str, client: Option<ApplicationId>) {
        self.platform().count_refusal(self.tenant_id(), kind, client, self.from);
    }
}

impl FromRequest for Cx {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<State>>().cloned();
        let tenant = request.extensions().get::<TenantHandle>().cloned();
        let (Some(state), Some(tenant)) = (state, tenant) else {
            return ready(Err(ErrorNotFound("no such tenant")));
        };
        ready(Ok(Self {
            now: state.platform.env().now(),
            from: peer::client_address(request, &state.config.trusted_proxies),
            request_id: RequestId::of(request),
            locale: accepted_language(request),
            view: tenant.view(),
            tenant,
            state,
        }))
    }
}

/// The language that `Accept-Language` asks for, among those there are.
#[must_use]
pub fn accepted_language(request: &HttpRequest) -> Option<Locale> {
    let field = request.headers().get(header::ACCEPT_LANGUAGE)?;
    Locale::negotiate(field.to_str().ok()?)
}
