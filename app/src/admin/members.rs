//! The users of groups and organizations: what both kinds of endpoints share.

use actix_web::HttpResponse;
use bailiwick_domain::{EventKind, UserId};
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::members::{self, Member, Of};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Permission, Permit, named};
use super::page;
use super::problem::{Problem, Reason};

/// The most groups of a user: decisions about it look at all of them, and at what they are in.
const MOST_GROUPS: u64 = 200;

/// A member.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberBody {
    /// The user.
    #[schema(value_type = String, example = "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    user: UserId,
    /// Its e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Its display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    /// Since when it is a member: RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    since: String,
}

impl From<&Member> for MemberBody {
    fn from(member: &Member) -> Self {
        Self {
            user: member.user,
            email: member.email.clone(),
            name: member.name.clone(),
            since: member.since.to_rfc3339(),
        }
    }
}

/// A page of the members.
///
/// # Errors
/// What is wrong with the query.
pub async fn list<P: Permission>(permit: &Permit<P>, of: Of) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Uuid>(permit)?;
    let (tenant, after) = (permit.cx.tenant_id(), wanted.after.map(UserId));
    let read = move |tx| async move { members::page(&tx, tenant, of, after, wanted.read).await };
    let found: Vec<Member> = permit.cx.store().read(tenant, read).await?;
    Ok(page::answer(permit, wanted.read, found, |m| m.user.0, |m| MemberBody::from(m)))
}

/// Makes the user that the path names a member.
///
/// # Errors
/// 404 when there is no such user; 409 when it is in as many groups as it may be.
pub async fn add<P: Permission>(permit: &Permit<P>, of: Of) -> Result<HttpResponse, Problem> {
    let kind = match of {
        Of::Group(_) => EventKind::GroupMemberAdded,
        Of::Organization(_) => EventKind::OrganizationMemberAdded,
    };
    let (user, event) = what(permit, of, kind)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let write = move |tx: TenantTx| async move {
        if members::add(&tx, tenant, (of, user), now).await? {
            let grouped = matches!(of, Of::Group(_));
            if grouped && members::groups(&tx, tenant, user).await? > MOST_GROUPS {
                let detail = format!("a user is in at most {MOST_GROUPS} groups");
                return Err(Problem::new(Reason::Full, detail));
            }
            audit::append(&tx, &[event]).await?;
        }
        Ok(())
    };
    cx.store().write(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes the user that the path names out.
///
/// # Errors
/// 404 when it is no member.
pub async fn remove<P: Permission>(permit: &Permit<P>, of: Of) -> Result<HttpResponse, Problem> {
    let kind = match of {
        Of::Group(_) => EventKind::GroupMemberRemoved,
        Of::Organization(_) => EventKind::OrganizationMemberRemoved,
    };
    let (user, event) = what(permit, of, kind)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let write = move |tx: TenantTx| async move {
        if !members::remove(&tx, tenant, (of, user), now).await? {
            return Err(StoreError::NotFound("member"));
        }
        audit::append(&tx, &[event]).await
    };
    cx.store().write(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn what<P>(permit: &Permit<P>, of: Of, kind: EventKind) -> Result<(UserId, AuditEvent), Problem> {
    let user: UserId = named(&permit.request, "user")?;
    let event = AuditEvent::new(permit.cx.env(), permit.cx.tenant_id(), kind, permit.actor);
    let event = match of {
        Of::Group(id) => event.on("group", id.0),
        Of::Organization(id) => event.on("organization", id.0),
    };
    Ok((user, event.with(json!({ "user": user }))))
}
