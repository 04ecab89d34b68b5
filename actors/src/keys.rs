//! The owner of signing keys.

use std::sync::Arc;

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{Env, EventKind, SigningKeyId, TenantId, Timestamp};
use bailiwick_protocol::jose::{KeyRow, KeySet, SigningKey};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::changes::{self, Topic};
use bailiwick_store::signing_keys::{self, Row};
use bailiwick_store::vault::{Place, TenantVault};

use crate::error::Error;
use crate::tenant::Seed;

/// The key set of stored rows. Private keys are opened here and parsed on their first use.
pub(crate) fn parse(rows: &[Row], vault: &TenantVault) -> Result<KeySet, Error> {
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let pkcs8 = vault.open(&place(row.id), &row.private_sealed)?;
        keys.push(KeyRow {
            kid: row.id.to_string(),
            alg: row.alg,
            public_jwk: row.public_jwk.clone(),
            pkcs8,
            published_at: row.published_at,
            signs_from: row.signs_from,
            signs_until: row.signs_until,
            gone_at: row.gone_at,
        });
    }
    Ok(KeySet::new(keys))
}

/// Makes a key. It may sign at once: it is its algorithm's first, so no verifier holds an older
/// JWKS that names this algorithm, and verifiers fetch the JWKS again for an unknown `kid`.
pub(crate) async fn make(alg: SigningAlg, vault: TenantVault, env: Env) -> Result<Row, Error> {
    // RSA generation takes 65 ms and more: off every thread that serves.
    let generated = tokio::task::spawn_blocking(move || SigningKey::generate(alg))
        .await
        .map_err(|e| Error::Key(e.to_string()))?
        .map_err(|e| Error::Key(e.to_string()))?;
    let (id, now): (SigningKeyId, Timestamp) = (env.id(), env.now());
    Ok(Row {
        id,
        alg,
        public_jwk: generated.public_jwk,
        private_sealed: vault.seal(&place(id), &generated.pkcs8, &env),
        published_at: now,
        signs_from: now,
        signs_until: None,
        gone_at: None,
    })
}

/// Makes sure that there is a key that signs with `alg` now.
pub(crate) async fn ensure(seed: &Seed, alg: SigningAlg) -> Result<(), Error> {
    let (env, id) = (seed.shared.env.clone(), seed.id);
    let view = seed.view.load_full();
    if view.keys.signing_key(alg, env.now()).is_some() {
        return Ok(());
    }
    let row = make(alg, view.vault.clone(), env.clone()).await?;
    let write = move |tx: bailiwick_store::TenantTx| async move {
        // Another node may have made one meanwhile: then its key serves.
        let now = env.now();
        let rows = signing_keys::list(&tx, id).await?;
        if !rows.iter().any(|r| r.alg == alg && r.signs_until.is_none_or(|t| t > now)) {
            signing_keys::insert(&tx, id, &row).await?;
            changes::append(&tx, id, Topic::Keys, &row.id.to_string(), 1, now).await?;
            audit::append(&tx, &[created(&env, id, &row)]).await?;
        }
        Ok::<_, Error>(signing_keys::list(&tx, id).await?)
    };
    let rows = seed.shared.store.write(id, write).await?;
    let keys = Arc::new(parse(&rows, &view.vault)?);
    seed.publish(|view| view.keys = keys);
    Ok(())
}

/// The audit event of a new key.
pub(crate) fn created(env: &Env, tenant: TenantId, row: &Row) -> AuditEvent {
    AuditEvent::new(env, tenant, EventKind::SigningKeyCreated, Actor::system(tenant))
        .on("signing_key", row.id.0)
        .with(serde_json::json!({ "alg": row.alg.name() }))
}

fn place(id: SigningKeyId) -> Place<'static> {
    Place { table: "signing_keys", column: "private_sealed", row: id.0.as_bytes().to_vec().into() }
}
