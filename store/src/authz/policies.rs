//! Policies: drafts, the versions that were activated, and which version holds.
//!
//! What a bundle holds is somebody else's matter.

use bailiwick_domain::{DraftId, OrganizationId, TenantId, Timestamp};
use bailiwick_entities::{policy_drafts, policy_versions};
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::audit::Actor;
use crate::changes::{self, Topic};
use crate::error::{Error, Result};
use crate::organizations;
use crate::sql::{self, Row as _, readable};
use crate::tx::TenantTx;

/// What policies are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The decisions of the whole tenant.
    #[default]
    Tenant,
    /// What is in one of its organizations.
    Organization(OrganizationId),
    /// The management API of the tenant.
    Management,
}

impl Scope {
    /// How it is stored: no organization has one of the two ids that are special.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Tenant => Uuid::nil(),
            Self::Organization(id) => id.0,
            Self::Management => Uuid::max(),
        }
    }

    /// The key of [`Topic::Policies`].
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Tenant => String::new(),
            Self::Organization(id) => id.to_string(),
            Self::Management => MANAGEMENT.to_owned(),
        }
    }
}

impl From<Uuid> for Scope {
    fn from(id: Uuid) -> Self {
        if id.is_nil() {
            Self::Tenant
        } else if id.is_max() {
            Self::Management
        } else {
            Self::Organization(OrganizationId(id))
        }
    }
}

/// The key of [`Topic::Policies`] when those of the management API changed.
pub const MANAGEMENT: &str = "management";

/// Policies that are being written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// What it is for.
    pub scope: Scope,
    /// Shown to people.
    pub name: String,
    /// Schema, policies and links.
    pub bundle: Json,
    /// Why.
    pub note: String,
    /// The number of the version that it started from.
    pub based_on: Option<i64>,
    /// Who made it.
    pub actor: Actor,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Policies that were activated once. They never change.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyVersion {
    /// Its number in its scope, from 1.
    pub number: i64,
    /// Schema, policies and links.
    pub bundle: Json,
    /// Why.
    pub note: String,
    /// Who activated it first.
    pub actor: Actor,
    /// When that was.
    pub created_at: Timestamp,
}

/// Which policies hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of the version that holds; `None` while none was activated.
    pub active: Option<i64>,
    /// Counts what changes decisions in the scope; that of the whole tenant counts the changes of
    /// roles, and the activations in organizations, too.
    pub version: i64,
}

const DRAFT: &str = "tenant_id, id, scope, name, bundle, note, based_on, actor_kind, \
     actor_tenant_id, actor_id, version, created_at, updated_at";
const VERSION: &str = "tenant_id, scope, number, bundle, note, actor_kind, actor_tenant_id, \
     actor_id, created_at";

/// Keeps a new draft.
///
/// # Errors
/// [`Error::NotFound`] when the organization is not there.
pub async fn insert_draft(tx: &TenantTx, tenant: TenantId, new: &Draft) -> Result<()> {
    must_be_there(tx, tenant, new.scope).await?;
    let row = policy_drafts::Model {
        tenant_id: tenant.0,
        id: new.id.0,
        scope: new.scope.id(),
        name: new.name.clone(),
        bundle: new.bundle.clone(),
        note: new.note.clone(),
        based_on: new.based_on,
        actor_kind: new.actor.kind.name().to_owned(),
        actor_tenant_id: new.actor.tenant.0,
        actor_id: new.actor.id,
        version: new.version,
        created_at: new.created_at.0,
        updated_at: new.updated_at.0,
    };
    policy_drafts::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// One draft.
///
/// # Errors
/// [`Error::Corrupt`] when this version cannot read it.
pub async fn get_draft(tx: &TenantTx, tenant: TenantId, id: DraftId) -> Result<Option<Draft>> {
    let sql = format!("SELECT {DRAFT} FROM policy_drafts WHERE tenant_id = $1 AND id = $2");
    let row = sql::one(tx, &sql, [tenant.0.into(), id.0.into()]).await?;
    row.map(|row| read_draft(&row)).transpose()
}

/// Changes name, bundle, note and base of a draft whose `version` is still the present one; the
/// result is how it is then.
///
/// # Errors
/// [`Error::Stale`] when its version is another one or it is gone.
pub async fn update_draft(
    tx: &TenantTx,
    tenant: TenantId,
    to: &Draft,
    now: Timestamp,
) -> Result<Draft> {
    let sql = "UPDATE policy_drafts SET name = $4, bundle = $5, note = $6, based_on = $7, \
         updated_at = $8, version = version + 1 WHERE tenant_id = $1 AND id = $2 AND version = $3";
    let args = [
        tenant.0.into(),
        to.id.0.into(),
        to.version.into(),
        to.name.as_str().into(),
        to.bundle.clone().into(),
        to.note.as_str().into(),
        to.based_on.into(),
        now.0.into(),
    ];
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("draft"));
    }
    Ok(Draft { version: to.version + 1, updated_at: now, ..to.clone() })
}

/// Removes a draft.
///
/// # Errors
/// [`Error::Stale`] when its version is not `version` or it is gone.
pub async fn delete_draft(
    tx: &TenantTx,
    tenant: TenantId,
    (id, version): (DraftId, i64),
) -> Result<()> {
    let sql = "DELETE FROM policy_drafts WHERE tenant_id = $1 AND id = $2 AND version = $3";
    let gone = sql::exec(tx, sql, [tenant.0.into(), id.0.into(), version.into()]).await?;
    if gone == 1 { Ok(()) } else { Err(Error::Stale("draft")) }
}

/// The drafts of a scope after a position, oldest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn drafts(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    after: Option<(Timestamp, DraftId)>,
    limit: u64,
) -> Result<Vec<Draft>> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.0, id.0));
    let sql = format!(
        "SELECT {DRAFT} FROM policy_drafts WHERE tenant_id = $1 AND scope = $2 \
         AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $5"
    );
    let args = [tenant.0.into(), scope.id().into(), at.into(), id.into(), sql::limit(limit)];
    let rows = sql::all(tx, &sql, args).await?;
    Ok(rows.iter().filter_map(|row| readable(read_draft(row))).collect())
}

/// Which policies of a scope hold.
///
/// # Errors
/// When the database fails.
pub async fn state(tx: &TenantTx, tenant: TenantId, scope: Scope) -> Result<State> {
    let sql = "SELECT active, version FROM policy_state WHERE tenant_id = $1 AND scope = $2";
    let row = sql::one(tx, sql, [tenant.0.into(), scope.id().into()]).await?;
    row.map_or(Ok(State::default()), |row| read_state(&row))
}

/// Which policies of a scope hold, and what they are.
///
/// # Errors
/// [`Error::Corrupt`] when this version cannot read them.
pub async fn active(
    tx: &TenantTx,
    tenant: TenantId,
    scope: Scope,
) -> Result<(State, Option<PolicyVersion>)> {
    let state = state(tx, tenant, scope).await?;
    let Some(number) = state.active else { return Ok((state, None)) };
    Ok((state, version(tx, (tenant, scope), number).await?))
}

/// Whether any organization has policies of its own.
///
/// # Errors
/// When the database fails.
pub async fn any_of_organizations(tx: &TenantTx, tenant: TenantId) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM policy_state WHERE tenant_id = $1 AND scope <> $2 \
         AND scope <> $3 AND active IS NOT NULL LIMIT 1";
    let others = [Scope::Tenant.id().into(), Scope::Management.id().into()];
    let args = [tenant.0.into()].into_iter().chain(others);
    Ok(sql::one(tx, sql, args).await?.is_some())
}

/// One version.
///
/// # Errors
/// [`Error::Corrupt`] when this version of ours cannot read it.
pub async fn version(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    number: i64,
) -> Result<Option<PolicyVersion>> {
    let sql = format!(
        "SELECT {VERSION} FROM policy_versions \
         WHERE tenant_id = $1 AND scope = $2 AND number = $3"
    );
    let args = [tenant.0.into(), scope.id().into(), number.into()];
    sql::one(tx, &sql, args).await?.map(|row| read_version(&row)).transpose()
}

/// The versions of a scope before a number, the newest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn versions(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<PolicyVersion>> {
    let sql = format!(
        "SELECT {VERSION} FROM policy_versions WHERE tenant_id = $1 AND scope = $2 \
         AND number < $3 ORDER BY number DESC LIMIT $4"
    );
    let before = before.unwrap_or(i64::MAX);
    let args = [tenant.0.into(), scope.id().into(), before.into(), sql::limit(limit)];
    let rows = sql::all(tx, &sql, args).await?;
    Ok(rows.iter().filter_map(|row| readable(read_version(row))).collect())
}

/// Policies to activate.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The `version` of the [`State`] that they were checked against.
    pub expected: i64,
    /// Schema, policies and links.
    pub bundle: Json,
    /// Why.
    pub note: String,
    /// Who activates them.
    pub actor: Actor,
}

/// Makes policies the ones that hold, as a version with the next number.
///
/// # Errors
/// [`Error::Stale`] when the version of the scope's state is not the expected one;
/// [`Error::NotFound`] when the organization is not there.
pub async fn activate(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    new: &Activation,
    now: Timestamp,
) -> Result<State> {
    must_be_there(tx, tenant, scope).await?;
    ensure(tx, tenant, scope, now).await?;
    // Whoever else activates waits for this row, and then finds another version.
    let sql = "UPDATE policy_state SET version = version + 1, updated_at = $4, \
         active = (SELECT COALESCE(MAX(v.number), 0) + 1 FROM policy_versions v \
         WHERE v.tenant_id = $1 AND v.scope = $2) \
         WHERE tenant_id = $1 AND scope = $2 AND version = $3 RETURNING active, version";
    let args = [tenant.0.into(), scope.id().into(), new.expected.into(), now.0.into()];
    let row = sql::one(tx, sql, args).await?.ok_or(Error::Stale("policies"))?;
    let state = read_state(&row)?;
    let row = policy_versions::Model {
        tenant_id: tenant.0,
        scope: scope.id(),
        number: state.active.ok_or(Error::Corrupt("policies"))?,
        bundle: new.bundle.clone(),
        note: new.note.clone(),
        actor_kind: new.actor.kind.name().to_owned(),
        actor_tenant_id: new.actor.tenant.0,
        actor_id: new.actor.id,
        created_at: now.0,
    };
    policy_versions::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    changed(tx, (tenant, scope), state.version, now).await?;
    Ok(state)
}

/// Makes a version that there is the one that holds.
///
/// # Errors
/// [`Error::NotFound`] when there is no such version; [`Error::Stale`] when the version of the
/// scope's state is not `expected`.
pub async fn roll_back(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    (number, expected): (i64, i64),
    now: Timestamp,
) -> Result<State> {
    if version(tx, (tenant, scope), number).await?.is_none() {
        return Err(Error::NotFound("version"));
    }
    let sql = "UPDATE policy_state SET version = version + 1, updated_at = $4, active = $5 \
         WHERE tenant_id = $1 AND scope = $2 AND version = $3 RETURNING active, version";
    let args = [tenant.0.into(), scope.id().into(), expected.into(), now.0.into(), number.into()];
    let row = sql::one(tx, sql, args).await?.ok_or(Error::Stale("policies"))?;
    let state = read_state(&row)?;
    changed(tx, (tenant, scope), state.version, now).await?;
    Ok(state)
}

/// Notes that roles allow something else: decisions of the tenant may be others now.
pub(super) async fn roles_changed(tx: &TenantTx, tenant: TenantId, now: Timestamp) -> Result<()> {
    let version = count(tx, tenant, now).await?;
    changes::append(tx, tenant, Topic::Policies, &Scope::Tenant.key(), version, now).await
}

/// Removes which policies of an organization hold: none of them do from here on. Drafts and versions
/// are erased with the organization.
pub(crate) async fn forget(
    tx: &TenantTx,
    (tenant, organization): (TenantId, OrganizationId),
    now: Timestamp,
) -> Result<()> {
    let sql = "DELETE FROM policy_state WHERE tenant_id = $1 AND scope = $2";
    if sql::exec(tx, sql, [tenant.0.into(), organization.0.into()]).await? == 1 {
        roles_changed(tx, tenant, now).await?;
    }
    Ok(())
}

/// Tells the feed; what changes in an organization counts in the whole tenant.
async fn changed(
    tx: &TenantTx,
    (tenant, scope): (TenantId, Scope),
    version: i64,
    now: Timestamp,
) -> Result<()> {
    if let Scope::Organization(_) = scope {
        count(tx, tenant, now).await?;
    }
    changes::append(tx, tenant, Topic::Policies, &scope.key(), version, now).await
}

/// Counts a change in the whole tenant.
async fn count(tx: &TenantTx, tenant: TenantId, now: Timestamp) -> Result<i64> {
    let sql = "INSERT INTO policy_state (tenant_id, scope, version, updated_at) \
         VALUES ($1, $2, 1, $3) ON CONFLICT (tenant_id, scope) DO UPDATE SET \
         version = policy_state.version + 1, updated_at = excluded.updated_at RETURNING version";
    let args = [tenant.0.into(), Uuid::nil().into(), now.0.into()];
    sql::one(tx, sql, args).await?.ok_or(Error::Stale("policies"))?.value("version")
}

/// Refuses an organization that is gone. One that is removed at this moment leaves nothing behind.
async fn must_be_there(tx: &TenantTx, tenant: TenantId, scope: Scope) -> Result<()> {
    let Scope::Organization(id) = scope else { return Ok(()) };
    super::lock(tx, tenant).await?;
    organizations::get(tx, tenant, id).await?.map(drop).ok_or(Error::NotFound("organization"))
}

async fn ensure(tx: &TenantTx, tenant: TenantId, scope: Scope, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO policy_state (tenant_id, scope, version, updated_at) \
         VALUES ($1, $2, 0, $3) ON CONFLICT (tenant_id, scope) DO NOTHING";
    sql::exec(tx, sql, [tenant.0.into(), scope.id().into(), now.0.into()]).await?;
    Ok(())
}

fn read_state(row: &QueryResult) -> Result<State> {
    Ok(State { active: row.value("active")?, version: row.value("version")? })
}

fn read_draft(row: &QueryResult) -> Result<Draft> {
    Ok(Draft {
        id: row.id("id")?,
        scope: row.id("scope")?,
        name: row.value("name")?,
        bundle: row.value("bundle")?,
        note: row.value("note")?,
        based_on: row.value("based_on")?,
        actor: Actor::read(row)?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn read_version(row: &QueryResult) -> Result<PolicyVersion> {
    Ok(PolicyVersion {
        number: row.value("number")?,
        bundle: row.value("bundle")?,
        note: row.value("note")?,
        actor: Actor::read(row)?,
        created_at: row.time("created_at")?,
    })
}
