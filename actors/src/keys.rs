//! The owner of signing keys.

use std::sync::Arc;

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{Env, EventKind, SigningKeyId, TenantId, TenantSettings, Timestamp};
use bailiwick_protocol::jose::{Generated, KeyRow, KeySet, KeyState, SigningKey};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::changes::{self, Topic};
use bailiwick_store::signing_keys::{self, Row};
use bailiwick_store::vault::{Place, TenantVault};
use bailiwick_store::{Error as StoreError, TenantTx, tenants};
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::tenant::{Seed, TenantCommand, TenantHandle};

mod plan;

pub use plan::Rotation;
pub(crate) use plan::Wish;
use plan::{Plan, Terms};

/// A signing key, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The `kid` of its tokens.
    pub id: SigningKeyId,
    /// What it signs with.
    pub alg: SigningAlg,
    /// What it does now.
    pub state: KeyState,
    /// In the JWKS from then on.
    pub published_at: Timestamp,
    /// Signs from then on.
    pub signs_from: Timestamp,
    /// Signs no more from then on; none without a successor.
    pub signs_until: Option<Timestamp>,
    /// Leaves the JWKS then.
    pub gone_at: Option<Timestamp>,
    /// Gets a successor then; none when it has one, or does not get one by itself.
    pub rotate_at: Option<Timestamp>,
}

impl KeyInfo {
    fn of(row: &Row, now: Timestamp) -> Self {
        Self {
            id: row.id,
            alg: row.alg,
            state: plan::times(row).state(now),
            published_at: row.published_at,
            signs_from: row.signs_from,
            signs_until: row.signs_until,
            gone_at: row.gone_at,
            rotate_at: row.rotate_at,
        }
    }
}

impl TenantHandle {
    /// The tenant's signing keys, oldest first, as the database has them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn signing_keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let (id, now) = (self.view().tenant.id, self.shared().env.now());
        let list = move |tx| async move { signing_keys::list(&tx, id).await };
        let rows: Vec<Row> = self.shared().store.read::<_, StoreError, _, _>(id, list).await?;
        Ok(rows.iter().map(|row| KeyInfo::of(row, now)).collect())
    }

    /// Makes sure that the tenant has a key for `alg`, making one if it has none.
    ///
    /// # Errors
    /// [`Error::Key`] when it cannot be made, and those of the store.
    pub async fn ensure_key(&self, alg: SigningAlg) -> Result<(), Error> {
        let actor = Actor::system(self.view().tenant.id);
        self.keys(Wish::Ensure(alg), actor).await.map(drop)
    }

    /// Gives keys their successors, and says which these are. Where a successor is published
    /// already, that is the one: two nodes that rotate at once make one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an algorithm without a key, or one with too many retired keys;
    /// [`Error::Key`], and those of the store.
    pub async fn rotate_keys(
        &self,
        rotation: Rotation,
        actor: Actor,
    ) -> Result<Vec<KeyInfo>, Error> {
        self.keys(Wish::Rotate(rotation), actor).await
    }

    /// Revokes a key in an emergency: it is removed, so that it neither signs nor is published, and
    /// no token that it signed is valid any more. On this node that is so before this returns, on
    /// the others when they have read the change feed. Says which key was made in its place; none
    /// is when it was not signing.
    ///
    /// # Errors
    /// The store's `NotFound`; [`Error::Key`], and those of the store.
    pub async fn revoke_key(&self, id: SigningKeyId, actor: Actor) -> Result<Vec<KeyInfo>, Error> {
        self.keys(Wish::Revoke(id), actor).await
    }

    async fn keys(&self, wish: Wish, actor: Actor) -> Result<Vec<KeyInfo>, Error> {
        self.ask(|reply| TenantCommand::Keys(wish, actor, reply)).await
    }
}

/// The key set of stored rows. Private keys are opened here and parsed on their first use; those of
/// keys that are gone stay sealed.
pub(crate) fn parse(rows: &[Row], vault: &TenantVault, now: Timestamp) -> Result<KeySet, Error> {
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let times = plan::times(row);
        if times.state(now) == KeyState::Gone {
            continue;
        }
        let pkcs8 = vault.open(&place(row.id), &row.private_sealed)?;
        let (kid, public_jwk) = (row.id.to_string(), row.public_jwk.clone());
        keys.push(KeyRow { kid, alg: row.alg, public_jwk, pkcs8, times });
    }
    Ok(KeySet::new(keys))
}

/// Does what is wished, publishes the key set, and says which keys are as was wished.
pub(crate) async fn change(seed: &Seed, wish: Wish, actor: Actor) -> Result<Vec<KeyInfo>, Error> {
    let (env, view) = (&seed.shared.env, seed.view.load_full());
    if let Wish::Ensure(alg) = wish
        && view.keys.signing_key(alg, env.now()).is_some()
    {
        return Ok(Vec::new());
    }
    let mut drafts: Vec<Row> = Vec::new();
    loop {
        match commit(seed, wish, actor, drafts.clone()).await? {
            // Keys are made outside of the transaction, which would hold up others meanwhile.
            Committed::Wanting(algs) => {
                for alg in algs {
                    drafts.push(make(alg, &view.vault, env).await?);
                }
            }
            Committed::Done { rows, ids } => {
                let now = env.now();
                let keys = Arc::new(parse(&rows, &view.vault, now)?);
                seed.publish(|view| view.keys = keys);
                let wished = rows.iter().filter(|row| ids.contains(&row.id));
                return Ok(wished.map(|row| KeyInfo::of(row, now)).collect());
            }
        }
    }
}

enum Committed {
    /// Nothing was done: keys of these algorithms are to be made first.
    Wanting(Vec<SigningAlg>),
    /// It is done.
    Done { rows: Vec<Row>, ids: Vec<SigningKeyId> },
}

/// Plans from what the database has, under a lock, and writes.
async fn commit(
    seed: &Seed,
    wish: Wish,
    actor: Actor,
    drafts: Vec<Row>,
) -> Result<Committed, Error> {
    let (id, env) = (seed.id, seed.shared.env.clone());
    let write = move |tx: TenantTx| async move {
        signing_keys::lock(&tx, id).await?;
        let Some(tenant) = tenants::get(&tx, id).await? else {
            return Err(StoreError::NotFound("tenant").into());
        };
        let rows = signing_keys::list(&tx, id).await?;
        let plan = plan::plan(&rows, wish, terms(&env, &tenant.settings))?;
        let (made, missing) = plan.fill(drafts);
        if !missing.is_empty() {
            return Ok(Committed::Wanting(missing));
        }
        let ids = made.iter().map(|row| row.id).chain(plan.named.iter().copied()).collect();
        record(&tx, id, (&plan, made.as_slice()), (&env, actor)).await?;
        Ok::<_, Error>(Committed::Done { rows: signing_keys::list(&tx, id).await?, ids })
    };
    seed.shared.store.write(id, write).await
}

/// Writes the rows, their change and their audit; nothing when nothing changes.
async fn record(
    tx: &TenantTx,
    tenant: TenantId,
    (plan, made): (&Plan, &[Row]),
    (env, actor): (&Env, Actor),
) -> Result<(), Error> {
    let event = |kind, row: &Row, data| {
        AuditEvent::new(env, tenant, kind, actor).on("signing_key", row.id.0).with(data)
    };
    let mut events = Vec::new();
    let mut changed = None;
    for row in made {
        signing_keys::insert(tx, tenant, row).await?;
        events.push(created(env, (tenant, actor), row));
        changed = Some(row.id);
    }
    for row in &plan.retimed {
        signing_keys::retime(tx, tenant, row).await?;
        if let Some(until) = row.signs_until {
            let data = serde_json::json!({ "alg": row.alg.name(), "signs_until": until });
            events.push(event(EventKind::SigningKeyRotated, row, data));
        }
        changed = Some(row.id);
    }
    if let Some(row) = &plan.removed {
        signing_keys::delete(tx, tenant, row.id).await?;
        let data = serde_json::json!({ "alg": row.alg.name() });
        events.push(event(EventKind::SigningKeyRevoked, row, data));
        changed = Some(row.id);
    }
    if let Some(key) = changed {
        changes::append(tx, tenant, Topic::Keys, &key.to_string(), 1, env.now()).await?;
        audit::append(tx, &events).await?;
    }
    Ok(())
}

/// Plans anew when keys get their successors, in the transaction that changed the settings and so
/// holds the lock of [`signing_keys::lock`].
pub(crate) async fn replan(
    tx: &TenantTx,
    tenant: TenantId,
    settings: &TenantSettings,
    env: &Env,
) -> Result<(), Error> {
    let rows = signing_keys::list(tx, tenant).await?;
    for row in plan::replanned(rows, terms(env, settings)) {
        signing_keys::retime(tx, tenant, &row).await?;
    }
    Ok(())
}

/// A new tenant's first key. It may sign at once: nobody holds a JWKS of this tenant yet.
pub(crate) async fn first(
    vault: &TenantVault,
    env: &Env,
    settings: &TenantSettings,
) -> Result<Row, Error> {
    let draft = make(SigningAlg::ES256, vault, env).await?;
    Ok(Row { rotate_at: terms(env, settings).rotates_at(draft.signs_from), ..draft })
}

/// The audit event of a new key.
pub(crate) fn created(env: &Env, (tenant, actor): (TenantId, Actor), row: &Row) -> AuditEvent {
    let data = serde_json::json!({ "alg": row.alg.name(), "signs_from": row.signs_from });
    AuditEvent::new(env, tenant, EventKind::SigningKeyCreated, actor)
        .on("signing_key", row.id.0)
        .with(data)
}

/// Makes a key; its times are yet to be planned.
async fn make(alg: SigningAlg, vault: &TenantVault, env: &Env) -> Result<Row, Error> {
    let generated = generate(alg).await?;
    let (id, now): (SigningKeyId, Timestamp) = (env.id(), env.now());
    Ok(Row {
        id,
        alg,
        public_jwk: generated.public_jwk,
        private_sealed: vault.seal(&place(id), &generated.pkcs8, env),
        published_at: now,
        signs_from: now,
        signs_until: None,
        gone_at: None,
        rotate_at: None,
    })
}

/// However many tenants want RSA keys: one is made at a time, and the other cores serve.
static MAKING_RSA: Semaphore = Semaphore::const_new(1);

async fn generate(alg: SigningAlg) -> Result<Generated, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::Key(e.to_string());
    match alg {
        // Some 20 us.
        SigningAlg::ES256 | SigningAlg::EdDSA => SigningKey::generate(alg).map_err(|e| failed(&e)),
        // 65 ms and more: off every thread that serves.
        SigningAlg::RS256 | SigningAlg::PS256 => {
            let _turn = MAKING_RSA.acquire().await.map_err(|e| failed(&e))?;
            tokio::task::spawn_blocking(move || SigningKey::generate(alg))
                .await
                .map_err(|e| failed(&e))?
                .map_err(|e| failed(&e))
        }
    }
}

fn terms(env: &Env, settings: &TenantSettings) -> Terms {
    let jitter = u16::from_be_bytes(env.bytes());
    Terms { now: env.now(), rotation_days: settings.keys.rotation_days, jitter }
}

fn place(id: SigningKeyId) -> Place<'static> {
    Place { table: "signing_keys", column: "private_sealed", row: id.0.as_bytes().to_vec().into() }
}
