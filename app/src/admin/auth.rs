//! Who may: the extractors that authenticate, authorize and load.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bailiwick_actors::TenantHandle;
use bailiwick_domain::tenant::SYSTEM_SLUG;
use bailiwick_domain::{ApplicationId, TenantId, UserId};
use bailiwick_policy::management::{Action, Request};
use bailiwick_protocol::tokens::verify_access_token;
use bailiwick_store::applications::{self, Stored};
use bailiwick_store::audit::{Actor, ActorKind};
use bailiwick_store::{Error as StoreError, TenantTx, api_keys, grants, organizations, users};

use super::problem::{Problem, Reason};
use crate::api_key;
use crate::cx::Cx;

/// A permission, as a type: it stands in the signature of the handler that needs it.
pub trait Permission: 'static {
    /// What it allows.
    const ACTION: Action;
}

macro_rules! permissions {
    ($($name:ident)*) => {$(
        #[doc = concat!("The permission [`Action::", stringify!($name), "`].")]
        pub struct $name;
        impl Permission for $name {
            const ACTION: Action = Action::$name;
        }
    )*};
}

permissions! {
    GetTenant
    ListApplications GetApplication CreateApplication UpdateApplication DeleteApplication
    ListUsers GetUser CreateUser UpdateUser DeleteUser
    ListSigningKeys RotateSigningKeys RevokeSigningKey
    ListGroups GetGroup CreateGroup UpdateGroup DeleteGroup
    ListRoles GetRole CreateRole UpdateRole DeleteRole
    ListRoleAssignments GetRoleAssignment CreateRoleAssignment DeleteRoleAssignment
    ListOrganizations GetOrganization CreateOrganization UpdateOrganization DeleteOrganization
    ListEntities GetEntity WriteEntities
    GetPolicies DraftPolicies ActivatePolicies ListDecisions
}

/// Somebody who may: the proof that the permission `P` was asked for and given.
pub struct Permit<P> {
    /// The context of the request.
    pub cx: Cx,
    /// Who it is, for the audit.
    pub actor: Actor,
    /// The request: for its headers and query.
    pub request: HttpRequest,
    principal: Principal,
    permission: PhantomData<P>,
}

impl<P: Permission> Permit<P> {
    /// Asks for one more permission, that depends on what the request is about.
    ///
    /// # Errors
    /// 403.
    pub async fn must_have(&self, action: Action) -> Result<(), Problem> {
        allow(&self.cx, &self.principal, action).await
    }
}

impl<P: Permission> FromRequest for Permit<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let cx = Cx::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            // The routes are a tenant's: without one they do not match.
            let cx = cx.await.map_err(|_| Problem::not_found())?;
            let principal = authenticate(&cx, &request).await?;
            allow(&cx, &principal, P::ACTION).await?;
            let actor = principal.actor;
            Ok(Self { cx, actor, request, principal, permission: PhantomData })
        })
    }
}

/// A thing of the tenant that a path names.
pub trait Load: Sized + Send + 'static {
    /// Its id.
    type Id: Send + 'static;

    /// Its id, in the path of a request.
    ///
    /// # Errors
    /// 404 for what names nothing.
    fn id(request: &HttpRequest) -> Result<Self::Id, Problem>;

    /// Reads it.
    fn load(
        tx: TenantTx,
        tenant: TenantId,
        id: Self::Id,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;

    /// Counts its changes.
    fn version(&self) -> i64;
}

/// The id that a part of the path is.
///
/// # Errors
/// 404 when it is none.
pub fn named<T: FromStr>(request: &HttpRequest, part: &str) -> Result<T, Problem> {
    let id = request.match_info().get(part).and_then(|id| id.parse().ok());
    id.ok_or_else(Problem::not_found)
}

impl Load for Stored {
    type Id = ApplicationId;

    fn id(request: &HttpRequest) -> Result<ApplicationId, Problem> {
        named(request, "id")
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        id: ApplicationId,
    ) -> Result<Option<Self>, StoreError> {
        applications::get(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.application.version
    }
}

impl Load for bailiwick_domain::user::User {
    type Id = UserId;

    fn id(request: &HttpRequest) -> Result<UserId, Problem> {
        named(request, "id")
    }

    async fn load(tx: TenantTx, tenant: TenantId, id: UserId) -> Result<Option<Self>, StoreError> {
        users::get(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// The thing that the path names, for somebody who may. Another tenant's is as missing as
/// one that never was, and whoever may not learns of neither.
pub struct Loaded<P, T> {
    /// The permit.
    pub permit: Permit<P>,
    /// The thing.
    pub item: T,
}

impl<P: Permission, T: Load> FromRequest for Loaded<P, T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let permit = Permit::<P>::from_request(request, payload);
        let id = T::id(request);
        Box::pin(async move {
            let permit = permit.await?;
            let id = id?;
            let tenant = permit.cx.tenant_id();
            let read = move |tx| T::load(tx, tenant, id);
            let item = permit.cx.store().read(tenant, read).await?;
            Ok(Self { permit, item: item.ok_or_else(Problem::not_found)? })
        })
    }
}

/// Somebody who proved who it is.
struct Principal {
    actor: Actor,
    /// The id, as the APIs print it.
    id: String,
    /// The tenant that the roles hold for.
    tenant: TenantId,
    /// Whether it belongs to the platform itself.
    platform: bool,
    roles: Vec<String>,
}

async fn authenticate(cx: &Cx, request: &HttpRequest) -> Result<Principal, Problem> {
    let ticket = cx.admit(None)?;
    let header = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = header.and_then(|v| v.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let unknown = || {
        cx.refused("api.unauthenticated", None);
        let detail = "send Authorization: Bearer with an API key of this tenant, or an access \
                      token of the tenant system for this tenant's organization";
        Problem::new(Reason::Unauthenticated, detail)
    };
    let Some((_, credential)) = bearer else { return Err(unknown()) };
    let credential = credential.trim();
    let system = cx.platform().by_slug(SYSTEM_SLUG).await?;
    let Some(system) = system.map(|route| route.tenant) else { return Err(unknown()) };
    let found = if credential.starts_with(api_key::PREFIX) {
        by_key(cx, &system, credential).await?
    } else {
        by_token(cx, &system, credential).await?
    };
    let Some(principal) = found else { return Err(unknown()) };
    if let Some(who) = principal.actor.id {
        let _ = cx.proven(ticket, who)?;
    }
    Ok(principal)
}

/// Decides, by the policies of the tenant that the request is for.
async fn allow(cx: &Cx, principal: &Principal, action: Action) -> Result<(), Problem> {
    let rules = cx.tenant.management().await?;
    let decision = rules.decide(&Request {
        principal: &principal.id,
        tenant: principal.tenant,
        platform: principal.platform,
        roles: &principal.roles,
        action,
        resource: cx.tenant_id(),
    });
    if !decision.allowed {
        cx.refused("api.forbidden", None);
        let detail = format!("none of your roles allows {} here", action.name());
        return Err(Problem::new(Reason::Forbidden, detail));
    }
    Ok(())
}

/// A key of this tenant, or of the system tenant. One read: keys may be revoked at any time.
async fn by_key(cx: &Cx, system: &TenantHandle, text: &str) -> Result<Option<Principal>, Problem> {
    let Some(presented) = api_key::parse(text) else { return Ok(None) };
    let system = system.view();
    let (own, platform, id) = (cx.tenant_id(), system.tenant.id, presented.id);
    let read = move |tx: TenantTx| async move {
        if let Some(row) = api_keys::get(&tx, own, id).await? {
            return Ok::<_, StoreError>(Some((own, row)));
        }
        Ok(api_keys::get(&tx, platform, id).await?.map(|row| (platform, row)))
    };
    let Some((home, row)) = cx.store().read(vec![own, platform], read).await? else {
        return Ok(None);
    };
    let vault = if home == own { &cx.view.vault } else { &system.vault };
    if !presented.opens(vault, &row, cx.now) {
        return Ok(None);
    }
    Ok(Some(Principal {
        actor: Actor { kind: ActorKind::ApiKey, tenant: home, id: Some(id.0) },
        id: id.to_string(),
        tenant: home,
        platform: home == platform,
        roles: row.roles,
    }))
}

/// An access token that the system tenant issued for this API and this tenant's organization, or
/// for the platform's own.
async fn by_token(
    cx: &Cx,
    system: &TenantHandle,
    token: &str,
) -> Result<Option<Principal>, Problem> {
    let view = system.view();
    let api = format!("{}/api", cx.platform().options().public_url);
    let verified = verify_access_token(&view.keys, &view.tenant.issuer, token, cx.now);
    let Ok(claims) = verified else { return Ok(None) };
    cx.must_vouch()?;
    if !view.is_live(&claims) || !claims.aud.contains(&api) {
        return Ok(None);
    }
    let (Some(grant), Some(organization)) = (claims.grant_id, claims.org_id) else {
        return Ok(None);
    };
    let (platform, now) = (view.tenant.id, cx.now);
    let read = move |tx: TenantTx| async move {
        if !grants::is_alive(&tx, platform, grant, now).await? {
            return Ok::<_, StoreError>(None);
        }
        let Some(grant) = grants::get(&tx, platform, grant).await? else { return Ok(None) };
        let memberships = organizations::list_memberships(&tx, platform, grant.user).await?;
        Ok(Some((grant.user, memberships)))
    };
    let Some((user, memberships)) = cx.store().read(platform, read).await? else {
        return Ok(None);
    };
    let member = memberships.into_iter().find(|m| m.organization_id == organization);
    let Some(member) = member else { return Ok(None) };
    // The platform's own organization stands for the system tenant itself.
    let of_platform = member.customer_tenant_id == Some(platform);
    if !of_platform && Some(organization) != cx.view.tenant.organization_id {
        return Ok(None);
    }
    let Some(tenant) = member.customer_tenant_id else { return Ok(None) };
    Ok(Some(Principal {
        actor: Actor::user(platform, user),
        id: user.to_string(),
        tenant,
        platform: of_platform,
        roles: vec![member.role],
    }))
}
