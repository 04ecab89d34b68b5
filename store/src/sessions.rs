//! Sessions: one account in one browser.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::authz::SESSION;
use bailiwick_domain::user::Authentication;
use bailiwick_domain::{BrowserId, Factors, SessionId, TenantId, Timestamp, UserId};
use bailiwick_entities::browsers;
use sea_orm::{DbBackend, EntityTrait as _, IntoActiveModel as _, QueryResult};

use crate::batch::revoke;
use crate::changes;
use crate::error::{Error, Result};
use crate::sql::{self, Row as _, Set, bytes32, json, readable};
use crate::tx::TenantTx;

mod of_user;
#[cfg(test)]
mod tests;

pub use of_user::{Listed, of_user};

/// What a browser is found by: the MAC of the secret in its cookie under the tenant's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrowserMac(pub [u8; 32]);

/// A sign-in.
#[derive(Clone, Debug)]
pub struct StartSession {
    /// The tenant.
    pub tenant: TenantId,
    /// The id of the browser, in case that it is new.
    pub browser: BrowserId,
    /// The MAC of the secret that the browser's cookie holds from now on.
    pub browser_mac: [u8; 32],
    /// The browser as it came, with the MAC of the secret in its cookie.
    pub previous: Option<(BrowserId, [u8; 32])>,
    /// When the browser's cookie ends.
    pub browser_expires_at: Timestamp,
    /// The id of the session.
    pub session: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// How and when.
    pub authentications: Vec<Authentication>,
    /// What the browser says of itself and where it is, sealed.
    pub device: Option<Vec<u8>>,
    /// How unusual the sign-in is, in points.
    pub risk: u32,
    /// The present time.
    pub now: Timestamp,
    /// When the session ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// When the session ends in any case.
    pub expires_at: Timestamp,
}

/// A session that is alive, with its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id: the `sid` of tokens.
    pub id: SessionId,
    /// The browser.
    pub browser: BrowserId,
    /// The user.
    pub user: UserId,
    /// The user's `sub`.
    pub sub: String,
    /// The user's e-mail address.
    pub email: Option<String>,
    /// The user's display name.
    pub name: Option<String>,
    /// Whether that address is known to be the user's.
    pub email_verified: bool,
    /// What the user has set up beside a password.
    pub factors: Factors,
    /// Whether the user is not asked for more than the password in this browser.
    pub remembered: bool,
    /// How unusual its first sign-in was, in points.
    pub risk: u32,
    /// How and when the user was authenticated.
    pub authentications: Vec<Authentication>,
    /// When the user last authenticated.
    pub auth_time: Timestamp,
    /// When it started.
    pub created_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
}

/// Starts a session. The cookie's secret changes with every sign-in, so that one planted before
/// it is worth nothing after it. The result is the browser that the session is in.
///
/// When the previous browser has changed its secret meanwhile, a new browser is made: the sign-in
/// in another tab keeps its own.
///
/// # Errors
/// [`Error::NotFound`] when the user is gone or inactive.
pub async fn start(tx: &TenantTx, new: &StartSession) -> Result<BrowserId> {
    let browser = match new.previous {
        Some((id, mac)) if rotate(tx, new, id, mac).await? => id,
        _ => {
            let row = browsers::Model {
                tenant_id: new.tenant.0,
                id: new.browser.0,
                mac: new.browser_mac.to_vec(),
                created_at: new.now.0,
                last_used_at: new.now.0,
                expires_at: new.browser_expires_at.0,
            };
            browsers::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            new.browser
        }
    };
    let started = sql::exec(
        tx,
        "INSERT INTO sessions (tenant_id, id, browser_id, user_id, authentications, auth_time, \
         created_at, last_used_at, idle_expires_at, expires_at, device, risk) \
         SELECT u.tenant_id, $3, $4, u.id, $5, $6, $7, $7, $8, $9, $10, $11 FROM users u \
         WHERE u.tenant_id = $1 AND u.id = $2 AND u.active AND u.deleted_at IS NULL",
        [
            new.tenant.0.into(),
            new.user.0.into(),
            new.session.0.into(),
            browser.0.into(),
            json(&new.authentications).into(),
            auth_time(&new.authentications, new.now).0.into(),
            new.now.0.into(),
            new.idle_expires_at.0.into(),
            new.expires_at.0.into(),
            new.device.clone().into(),
            i64::from(new.risk).into(),
        ],
    )
    .await?;
    if started == 1 { Ok(browser) } else { Err(Error::NotFound("user")) }
}

/// Authenticates the user of a live session again. The session stays what it is; the secret of the
/// browser's cookie changes as with every sign-in. `new.session` is the session; `false` when it
/// or the browser's secret is no longer what it was.
///
/// # Errors
/// When the database fails.
pub async fn renew(tx: &TenantTx, new: &StartSession) -> Result<bool> {
    let Some((id, mac)) = new.previous else { return Ok(false) };
    let alive = get(tx, new.tenant, new.session, new.now).await?;
    if !alive.is_some_and(|s| s.browser == id && s.user == new.user)
        || !rotate(tx, new, id, mac).await?
    {
        return Ok(false);
    }
    reauthenticate(tx, new.tenant, new.session, &new.authentications, new.now).await?;
    touch(tx, new.tenant, new.session, new.idle_expires_at, new.now).await
}

async fn rotate(tx: &TenantTx, new: &StartSession, id: BrowserId, mac: [u8; 32]) -> Result<bool> {
    let rotated = sql::exec(
        tx,
        "UPDATE browsers SET mac = $4, last_used_at = $5, expires_at = $6 \
         WHERE tenant_id = $1 AND id = $2 AND mac = $3 AND expires_at > $5",
        [
            new.tenant.0.into(),
            id.0.into(),
            mac.to_vec().into(),
            new.browser_mac.to_vec().into(),
            new.now.0.into(),
            new.browser_expires_at.0.into(),
        ],
    )
    .await?;
    Ok(rotated == 1)
}

const COLUMNS: &str = "s.tenant_id, b.mac, s.id, s.browser_id, s.user_id, u.sub, u.name, u.factors, \
     e.display AS email, e.verified_at, r.expires_at AS remembered_until, \
     s.risk, s.authentications, s.auth_time, s.created_at, s.idle_expires_at, s.expires_at";
/// The user of a session that is alive at `$1`.
const ALIVE: &str = "JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
     LEFT JOIN user_identifiers e ON e.tenant_id = u.tenant_id AND e.id = u.id \
     LEFT JOIN remembered_browsers r ON r.tenant_id = b.tenant_id AND r.browser_id = b.id \
     AND r.user_id = u.id AND r.expires_at > $1 WHERE s.ended_at IS NULL AND s.expires_at > $1 \
     AND s.idle_expires_at > $1 AND b.expires_at > $1 AND u.active AND u.deleted_at IS NULL";

/// The sessions that are alive in the browser whose cookie secret has this MAC, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_browser(
    tx: &TenantTx,
    tenant: TenantId,
    browser_mac: &[u8; 32],
    now: Timestamp,
) -> Result<Vec<SessionRow>> {
    let key = (tenant, BrowserMac(*browser_mac));
    let found = find(tx, &BTreeSet::from([key]), now).await?.remove(&key);
    Ok(found.unwrap_or_default())
}

/// As [`of_browser`], of browsers of any tenants of the transaction.
///
/// # Errors
/// When the database fails.
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, BrowserMac)>,
    now: Timestamp,
) -> Result<BTreeMap<(TenantId, BrowserMac), Vec<SessionRow>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM cmd \
         JOIN browsers b ON b.tenant_id = cmd.tenant_id AND b.mac = cmd.mac \
         JOIN sessions s ON s.tenant_id = b.tenant_id AND s.browser_id = b.id {ALIVE} \
         ORDER BY s.auth_time DESC, s.id DESC"
    );
    let rows = wanted.iter().map(|(t, mac)| [t.0.into(), mac.0.to_vec().into()]).collect();
    let browsers = Set { columns: [("tenant_id", "uuid"), ("mac", "bytea")], rows };
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for row in browsers.run(tx, &sql, &[now.0.into()]).await? {
        let key = (row.id("tenant_id")?, BrowserMac(bytes32(row.value("mac")?, "browser")?));
        found.entry(key).or_default().extend(readable(read(&row)));
    }
    Ok(found)
}

/// A session, when it is alive.
///
/// # Errors
/// When the database fails.
pub async fn get(
    tx: &TenantTx,
    tenant: TenantId,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s \
         JOIN browsers b ON b.tenant_id = s.tenant_id AND b.id = s.browser_id {ALIVE} \
         AND s.tenant_id = $2 AND s.id = $3"
    );
    let args = [now.0.into(), tenant.0.into(), id.0.into()];
    sql::one(tx, &sql, args).await?.map(|row| read(&row)).transpose()
}

/// Notes that the user of a session authenticated again: `authentications` replace the old ones,
/// and the latest of them is the new `auth_time`.
///
/// # Errors
/// [`Error::NotFound`] when the session is not alive.
pub async fn reauthenticate(
    tx: &TenantTx,
    tenant: TenantId,
    id: SessionId,
    authentications: &[Authentication],
    now: Timestamp,
) -> Result<()> {
    let changed = sql::exec(
        tx,
        "UPDATE sessions SET authentications = $4, auth_time = $5, last_used_at = $3 \
         WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 \
         AND idle_expires_at > $3",
        [
            tenant.0.into(),
            id.0.into(),
            now.0.into(),
            json(&authentications).into(),
            auth_time(authentications, now).0.into(),
        ],
    )
    .await?;
    if changed != 1 {
        return Err(Error::NotFound("session"));
    }
    changes::entity(tx, tenant, (SESSION, id), now).await
}

/// Notes that a session was used: it lives on until `idle_expires_at`, but never beyond its end.
/// `false` when it is not alive.
///
/// # Errors
/// When the database fails.
pub async fn touch(
    tx: &TenantTx,
    tenant: TenantId,
    id: SessionId,
    idle_expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let changed = sql::exec(
        tx,
        "UPDATE sessions SET last_used_at = $3, \
         idle_expires_at = CASE WHEN $4 < expires_at THEN $4 ELSE expires_at END \
         WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 \
         AND idle_expires_at > $3",
        [tenant.0.into(), id.0.into(), now.0.into(), idle_expires_at.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Ends sessions and tells the change feed; the result is those that this call ended.
///
/// # Errors
/// When the database fails.
pub async fn end(
    tx: &TenantTx,
    tenant: TenantId,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    let wanted = ids.iter().map(|id| (tenant, *id)).collect();
    let mut changes = Vec::new();
    let ended = revoke::sessions(tx, wanted, now, &mut changes).await?;
    revoke::announce(tx, changes).await?;
    Ok(ended.into_iter().map(|(_, id)| id).collect())
}

/// Ends every session of a user and tells the change feed; the result is those that this ended.
///
/// # Errors
/// When the database fails.
pub async fn end_of_user(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    let rows = sql::all(
        tx,
        "SELECT id FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL",
        [tenant.0.into(), user.0.into()],
    )
    .await?;
    let ids = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>>>()?;
    end(tx, tenant, &ids, now).await
}

/// Ends what a user has beyond `most` sessions, those that were signed in to longest ago, and tells
/// the change feed; the result is those that this ended. Exact, also for sign-ins at the same time,
/// when it is called after the start.
///
/// # Errors
/// When the database fails.
pub async fn end_beyond(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    most: u32,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    if tx.backend() == DbBackend::Postgres {
        // Another sign-in of this user waits here, and then sees ours. Not FOR UPDATE: that would
        // wait for the foreign keys of both.
        let sql = "SELECT id FROM users WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE";
        sql::one(tx, sql, [tenant.0.into(), user.0.into()]).await?;
    }
    let sql = "SELECT id FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL \
         AND expires_at > $3 AND idle_expires_at > $3 ORDER BY auth_time DESC, id DESC \
         LIMIT $4 OFFSET $5";
    // SQLite has no OFFSET without LIMIT.
    let args =
        [tenant.0.into(), user.0.into(), now.0.into(), i64::MAX.into(), i64::from(most).into()];
    let rows = sql::all(tx, sql, args).await?;
    let ids = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>>>()?;
    end(tx, tenant, &ids, now).await
}

fn auth_time(authentications: &[Authentication], now: Timestamp) -> Timestamp {
    authentications.iter().map(|a| a.at).max().unwrap_or(now)
}

fn read(row: &QueryResult) -> Result<SessionRow> {
    Ok(SessionRow {
        id: row.id("id")?,
        browser: row.id("browser_id")?,
        user: row.id("user_id")?,
        sub: row.value("sub")?,
        email: row.value("email")?,
        name: row.value("name")?,
        email_verified: row.value::<Option<i64>>("verified_at")?.is_some(),
        factors: Factors::from_bits(row.value("factors")?),
        remembered: row.value::<Option<i64>>("remembered_until")?.is_some(),
        risk: u32::try_from(row.value::<i64>("risk")?).unwrap_or(u32::MAX),
        authentications: row.json("authentications", "session")?,
        auth_time: row.time("auth_time")?,
        created_at: row.time("created_at")?,
        idle_expires_at: row.time("idle_expires_at")?,
        expires_at: row.time("expires_at")?,
    })
}
