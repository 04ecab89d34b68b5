//! Audit events: written in the transaction of what they tell, chained later.

use std::borrow::Cow;

use bailiwick_domain::{ApplicationId, Env, EventId, EventKind, TenantId, Timestamp, UserId};
use sea_orm::{QueryResult, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::sql::{self, Row as _, Set, bytes32, readable};
use crate::tx::TenantTx;

/// What kind of actor did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A user.
    User,
    /// An application, for itself.
    Application,
    /// A key of the management API.
    ApiKey,
    /// An operator of the platform, at the command line.
    Operator,
    /// The platform itself.
    System,
}

impl ActorKind {
    const ALL: [Self; 5] =
        [Self::User, Self::Application, Self::ApiKey, Self::Operator, Self::System];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Application => "application",
            Self::ApiKey => "api_key",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}

/// Who did it. An administrator of a customer is a user of the system tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The tenant that the actor belongs to.
    pub tenant: TenantId,
    /// Its id, when it has one.
    pub id: Option<Uuid>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id, a `UUIDv7`.
    pub id: EventId,
    /// The tenant that it happened in.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Who did it.
    pub actor: Actor,
    /// What it was done to: the kind of thing, as in `application`, and its id.
    pub target: Option<(Cow<'static, str>, Uuid)>,
    /// The details. Never personal data: this is chained and outlives the person's wish.
    pub data: Json,
    /// Personal data, sealed by the tenant's vault.
    pub personal_sealed: Option<Vec<u8>>,
    /// The hash of the personal data, which the chain covers.
    pub personal_hash: Option<[u8; 32]>,
}

impl Actor {
    /// The platform itself, acting for this tenant.
    #[must_use]
    pub const fn system(tenant: TenantId) -> Self {
        Self { kind: ActorKind::System, tenant, id: None }
    }

    /// A user of this tenant.
    #[must_use]
    pub const fn user(tenant: TenantId, user: UserId) -> Self {
        Self { kind: ActorKind::User, tenant, id: Some(user.0) }
    }

    /// An application of this tenant.
    #[must_use]
    pub const fn application(tenant: TenantId, application: ApplicationId) -> Self {
        Self { kind: ActorKind::Application, tenant, id: Some(application.0) }
    }

    /// Reads the columns `actor_kind`, `actor_tenant_id` and `actor_id`.
    pub(crate) fn read(row: &QueryResult) -> Result<Self> {
        let kind: String = row.value("actor_kind")?;
        let known = ActorKind::ALL.into_iter().find(|k| k.name() == kind);
        Ok(Self {
            kind: known.ok_or(Error::Corrupt("kind of actor"))?,
            tenant: row.id("actor_tenant_id")?,
            id: row.maybe_id("actor_id")?,
        })
    }
}

impl AuditEvent {
    /// An event that happens now, without target, details or personal data.
    #[must_use]
    pub fn new(env: &Env, tenant: TenantId, kind: EventKind, actor: Actor) -> Self {
        Self {
            id: env.id(),
            tenant,
            at: env.now(),
            kind,
            actor,
            target: None,
            data: Json::Object(serde_json::Map::new()),
            personal_sealed: None,
            personal_hash: None,
        }
    }

    /// The event, done to this thing.
    #[must_use]
    pub fn on(mut self, kind: &'static str, id: Uuid) -> Self {
        self.target = Some((Cow::Borrowed(kind), id));
        self
    }

    /// The event with these details.
    #[must_use]
    pub fn with(mut self, data: Json) -> Self {
        self.data = data;
        self
    }
}

/// Writes events, of any tenants of the transaction, as one set.
///
/// # Errors
/// When the database fails.
pub async fn append(tx: &TenantTx, events: &[AuditEvent]) -> Result<()> {
    let rows: Vec<[Value; 12]> = events
        .iter()
        .map(|e| {
            [
                e.tenant.0.into(),
                e.id.0.into(),
                e.at.0.into(),
                e.kind.name().into(),
                e.actor.kind.name().into(),
                e.actor.tenant.0.into(),
                e.actor.id.into(),
                e.target.as_ref().map(|(kind, _)| kind.to_string()).into(),
                e.target.as_ref().map(|(_, id)| *id).into(),
                e.data.clone().into(),
                e.personal_sealed.clone().into(),
                e.personal_hash.map(|h| h.to_vec()).into(),
            ]
        })
        .collect();
    let columns = [
        ("tenant_id", "uuid"),
        ("id", "uuid"),
        ("at", "bigint"),
        ("kind", "text"),
        ("actor_kind", "text"),
        ("actor_tenant_id", "uuid"),
        ("actor_id", "uuid?"),
        ("target_kind", "text?"),
        ("target_id", "uuid?"),
        ("data", "jsonb"),
        ("personal_sealed", "bytea?"),
        ("personal_hash", "bytea?"),
    ];
    Set { columns, rows }
        .run(
            tx,
            "INSERT INTO audit_events (tenant_id, id, at, kind, actor_kind, actor_tenant_id, \
             actor_id, target_kind, target_id, data, personal_sealed, personal_hash) \
             SELECT tenant_id, id, at, kind, actor_kind, actor_tenant_id, actor_id, target_kind, \
             target_id, data, personal_sealed, personal_hash FROM cmd \
             WHERE tenant_id IS NOT NULL",
            &[],
        )
        .await?;
    Ok(())
}

/// The events after a position, oldest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<(Timestamp, EventId)>,
    limit: u64,
) -> Result<Vec<AuditEvent>> {
    let (at, id) = after.unwrap_or((Timestamp(i64::MIN), EventId(Uuid::nil())));
    let rows = sql::all(
        tx,
        "SELECT tenant_id, id, at, kind, actor_kind, actor_tenant_id, actor_id, target_kind, \
         target_id, data, personal_sealed, personal_hash FROM audit_events \
         WHERE tenant_id = $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4",
        [tenant.0.into(), at.0.into(), id.0.into(), sql::limit(limit)],
    )
    .await?;
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

/// What a user did, of some kinds, the newest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn of_user(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    kinds: &[EventKind],
    limit: u64,
) -> Result<Vec<AuditEvent>> {
    let names: Vec<String> = kinds.iter().map(|k| format!("'{}'", k.name())).collect();
    let sql = format!(
        "SELECT tenant_id, id, at, kind, actor_kind, actor_tenant_id, actor_id, target_kind, \
         target_id, data, personal_sealed, personal_hash FROM audit_events \
         WHERE tenant_id = $1 AND actor_id = $2 AND kind IN ({}) ORDER BY id DESC LIMIT $3",
        names.join(", ")
    );
    let rows = sql::all(tx, &sql, [tenant.0.into(), user.0.into(), sql::limit(limit)]).await?;
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

fn read(row: &QueryResult) -> Result<AuditEvent> {
    let kind: String = row.value("kind")?;
    let target_kind: Option<String> = row.value("target_kind")?;
    Ok(AuditEvent {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        at: row.time("at")?,
        kind: EventKind::ALL
            .iter()
            .copied()
            .find(|k| k.name() == kind)
            .ok_or(Error::Corrupt("kind of audit event"))?,
        actor: Actor::read(row)?,
        target: target_kind.map(Cow::Owned).zip(row.value::<Option<Uuid>>("target_id")?),
        data: row.value("data")?,
        personal_sealed: row.value("personal_sealed")?,
        personal_hash: row
            .value::<Option<Vec<u8>>>("personal_hash")?
            .map(|hash| bytes32(hash, "audit event"))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, World, id, on_every_database};

    #[tokio::test]
    async fn events_come_back_in_order() {
        on_every_database(async |w: World| {
            let tenant = w.tenant;
            let event = |secs, personal: bool| AuditEvent {
                id: id(),
                tenant,
                at: NOW.plus_secs(secs),
                kind: EventKind::SignedIn,
                actor: Actor { kind: ActorKind::ApiKey, tenant: id(), id: personal.then(id) },
                target: personal.then_some((Cow::Borrowed("user"), w.user.0)),
                data: serde_json::json!({"amr": ["pwd"]}),
                personal_sealed: personal.then(|| vec![1, 2, 3]),
                personal_hash: personal.then_some([7; 32]),
            };
            // The first row has nulls that later ones do not have, and the other way round.
            let events = [event(0, false), event(1, true), event(2, false)];
            w.write(move |tx| async move {
                append(&tx, &events).await?;
                append(&tx, &[]).await?;
                assert_eq!(page(&tx, tenant, None, 10).await?, events);
                let after = Some((events[0].at, events[0].id));
                assert_eq!(page(&tx, tenant, after, 1).await?, events[1..2]);
                assert!(page(&tx, id(), None, 10).await?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
    }
}
