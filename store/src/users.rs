//! Users and their identifiers.
//!
//! The primary e-mail address of a user is the identifier row that carries the user's own UUID,
//! and its password the credential row that does: there is at most one of each by construction,
//! and both are found by key.

use std::collections::BTreeSet;

use bailiwick_domain::authz::USER;
use bailiwick_domain::user::User;
use bailiwick_domain::{CredentialId, TenantId, Timestamp, UserId, text};
use bailiwick_entities::{user_identifiers, users};
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult, Value};
use serde_json::{Map, Value as Json};

use crate::changes;
use crate::credentials;
use crate::error::{Error, Result};
use crate::lookups::Rows;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

#[cfg(test)]
mod tests;

/// What a user signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentifierKind {
    /// An e-mail address.
    Email,
    /// A user name.
    Username,
    /// A phone number.
    Phone,
}

impl IdentifierKind {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Username => "username",
            Self::Phone => "phone",
        }
    }
}

/// An e-mail address to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    value: String,
    display: String,
    verified: bool,
}

impl Email {
    /// An address as somebody wrote it, and whether it is known to be that person's.
    ///
    /// `None` when it is not an address that we accept.
    #[must_use]
    pub fn new(written: &str, verified: bool) -> Option<Self> {
        let value = text::normalize_email(written)?;
        Some(Self { value, display: written.trim().to_owned(), verified })
    }
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The `sub` of its tokens: random.
    pub sub: String,
    /// Its primary e-mail address.
    pub email: Option<Email>,
    /// The display name.
    pub name: Option<String>,
    /// Further claims.
    pub claims: Map<String, Json>,
    /// The hash of its password.
    pub password_hash: Option<String>,
}

/// What changes in a user; `None` leaves a member as it is.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// The display name.
    pub name: Option<Option<String>>,
    /// All further claims.
    pub claims: Option<Map<String, Json>>,
    /// Whether it may sign in.
    pub active: Option<bool>,
    /// The primary e-mail address.
    pub email: Option<Option<Email>>,
}

/// What a sign-in needs.
#[derive(Clone, Debug)]
pub struct SignInRow {
    /// The user; it may be inactive.
    pub user: User,
    /// Its password: the credential and its hash.
    pub password: Option<(CredentialId, String)>,
    /// When the password was set.
    pub password_set_at: Option<Timestamp>,
}

impl SignInRow {
    /// Tells this password from one that was set later. A better hash of the same password is
    /// still this one.
    #[must_use]
    pub fn which_password(&self) -> Option<(CredentialId, Timestamp)> {
        self.password.as_ref().map(|(id, _)| *id).zip(self.password_set_at)
    }
}

const COLUMNS: &str = "u.tenant_id, u.id, u.sub, u.name, u.claims, u.active, u.delete_at, u.version, \
     u.created_at, u.updated_at, e.display AS email, e.verified_at AS email_verified_at";
/// The primary e-mail address carries the user's own id.
const EMAIL: &str = "LEFT JOIN user_identifiers e ON e.tenant_id = u.tenant_id AND e.id = u.id";

/// Creates a user with its address and its password.
///
/// # Errors
/// [`Error::Taken`] when another user has this address.
pub async fn create(
    tx: &TenantTx,
    tenant: TenantId,
    new: &NewUser,
    now: Timestamp,
) -> Result<User> {
    let row = users::Model {
        tenant_id: tenant.0,
        id: new.id.0,
        sub: new.sub.clone(),
        name: new.name.clone(),
        claims: json(&new.claims),
        active: true,
        factors: 0,
        delete_at: None,
        version: 1,
        created_at: now.0,
        updated_at: now.0,
        deleted_at: None,
    };
    users::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("user"))?;
    if let Some(email) = &new.email {
        let row = user_identifiers::Model {
            tenant_id: tenant.0,
            id: new.id.0,
            user_id: new.id.0,
            kind: IdentifierKind::Email.name().to_owned(),
            value: email.value.clone(),
            display: email.display.clone(),
            verified_at: email.verified.then_some(now.0),
            created_at: now.0,
        };
        user_identifiers::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await
            .map_err(Error::on_insert("email"))?;
    }
    if let Some(hash) = &new.password_hash {
        credentials::put_password(tx, (tenant, new.id), hash, now).await?;
    }
    changes::entity(tx, tenant, (USER, new.id), now).await?;
    Ok(User {
        id: new.id,
        sub: new.sub.clone(),
        email: new.email.as_ref().map(|e| e.display.clone()),
        email_verified: new.email.as_ref().is_some_and(|e| e.verified),
        name: new.name.clone(),
        claims: new.claims.clone(),
        active: true,
        delete_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// One user.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: UserId) -> Result<Option<User>> {
    find(tx, &BTreeSet::from([(tenant, id)])).await?.remove(&(tenant, id)).transpose()
}

/// Users of any tenants of the transaction.
///
/// # Errors
/// When the database fails; for each user [`Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, UserId)>,
) -> Result<Rows<UserId, User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM cmd JOIN users u ON u.tenant_id = cmd.tenant_id AND u.id = cmd.id \
         {EMAIL} WHERE u.deleted_at IS NULL"
    );
    let rows = Set::of_ids(wanted).run(tx, &sql, &[]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), read(row)))).collect()
}

/// The user with this `sub`.
///
/// # Errors
/// When the database fails.
pub async fn by_sub(tx: &TenantTx, tenant: TenantId, sub: &str) -> Result<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM users u {EMAIL} \
         WHERE u.tenant_id = $1 AND u.deleted_at IS NULL AND u.sub = $2"
    );
    sql::one(tx, &sql, [tenant.0.into(), sub.into()]).await?.map(|row| read(&row)).transpose()
}

/// The user with this normalised e-mail address.
///
/// # Errors
/// When the database fails.
pub async fn by_email(tx: &TenantTx, tenant: TenantId, email: &str) -> Result<Option<User>> {
    Ok(find_for_sign_in(tx, tenant, IdentifierKind::Email, email).await?.map(|found| found.user))
}

/// The user whom a normalised identifier names, with its password, in one statement.
///
/// # Errors
/// When the database fails.
pub async fn find_for_sign_in(
    tx: &TenantTx,
    tenant: TenantId,
    kind: IdentifierKind,
    value: &str,
) -> Result<Option<SignInRow>> {
    let sql = format!(
        "SELECT {COLUMNS}, c.id AS credential_id, c.data AS password, \
         c.updated_at AS password_set_at FROM user_identifiers k \
         JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id {EMAIL} \
         LEFT JOIN credentials c ON c.tenant_id = u.tenant_id AND c.id = u.id \
         AND c.kind = 'password' \
         WHERE k.tenant_id = $1 AND k.kind = $2 AND k.value = $3 AND u.deleted_at IS NULL"
    );
    let args: [Value; 3] = [tenant.0.into(), kind.name().into(), value.into()];
    let Some(row) = sql::one(tx, &sql, args).await? else { return Ok(None) };
    let password = row.maybe_id("credential_id")?.zip(row.value::<Option<String>>("password")?);
    let password_set_at = row.maybe_time("password_set_at")?;
    Ok(Some(SignInRow { user: read(&row)?, password, password_set_at }))
}

/// Changes a user.
///
/// # Errors
/// [`Error::Stale`] when its version is not `expected_version` or it is gone; [`Error::Taken`]
/// when another user has the new address.
pub async fn update(
    tx: &TenantTx,
    tenant: TenantId,
    id: UserId,
    expected_version: i64,
    patch: &UserPatch,
    now: Timestamp,
) -> Result<User> {
    use sea_orm::{ActiveValue, ColumnTrait as _, QueryFilter as _};
    let change = users::ActiveModel {
        name: patch.name.clone().map_or(ActiveValue::NotSet, ActiveValue::Set),
        claims: patch.claims.as_ref().map(json).map_or(ActiveValue::NotSet, ActiveValue::Set),
        active: patch.active.map_or(ActiveValue::NotSet, ActiveValue::Set),
        version: ActiveValue::Set(expected_version + 1),
        updated_at: ActiveValue::Set(now.0),
        ..Default::default()
    };
    let changed = users::Entity::update_many()
        .set(change)
        .filter(users::Column::TenantId.eq(tenant.0))
        .filter(users::Column::Id.eq(id.0))
        .filter(users::Column::Version.eq(expected_version))
        .filter(users::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    if changed.rows_affected != 1 {
        return Err(Error::Stale("user"));
    }
    match &patch.email {
        None => {}
        Some(None) => {
            user_identifiers::Entity::delete_by_id((tenant.0, id.0)).exec(tx).await?;
        }
        Some(Some(email)) => set_email(tx, tenant, id, email, now).await?,
    }
    changes::entity(tx, tenant, (USER, id), now).await?;
    get(tx, tenant, id).await?.ok_or(Error::Stale("user"))
}

async fn set_email(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
    email: &Email,
    now: Timestamp,
) -> Result<()> {
    use sea_orm::sea_query::OnConflict;
    use user_identifiers::Column;
    let row = user_identifiers::Model {
        tenant_id: tenant.0,
        id: user.0,
        user_id: user.0,
        kind: IdentifierKind::Email.name().to_owned(),
        value: email.value.clone(),
        display: email.display.clone(),
        verified_at: email.verified.then_some(now.0),
        created_at: now.0,
    };
    user_identifiers::Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::Id])
                .update_columns([Column::Value, Column::Display, Column::VerifiedAt])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("email"))?;
    Ok(())
}

/// Notes that a user has shown that this address is theirs, if it still is the account's.
///
/// # Errors
/// When the database fails.
pub async fn verified(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    email: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE user_identifiers SET verified_at = $5 WHERE tenant_id = $1 AND id = $2 \
         AND kind = $3 AND value = $4 AND verified_at IS NULL";
    let kind = IdentifierKind::Email.name();
    let args = [tenant.0.into(), user.0.into(), kind.into(), email.into(), now.0.into()];
    if sql::exec(tx, sql, args).await? == 1 {
        changes::entity(tx, tenant, (USER, user), now).await?;
    }
    Ok(())
}

/// Says when a user is to be deleted, or that it is to be kept. `false` when it is gone, or that is
/// what it says.
///
/// # Errors
/// When the database fails.
pub async fn delete_at(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE users SET delete_at = $3, updated_at = $4, version = version + 1 \
         WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL \
         AND (delete_at IS NULL) <> ($3 IS NULL)";
    let at = at.map(|at| at.0);
    Ok(sql::exec(tx, sql, [tenant.0.into(), user.0.into(), at.into(), now.0.into()]).await? == 1)
}

/// What a user loses at once, and not only when it is erased.
const OWNED: [&str; 6] = [
    "user_identifiers",
    "credentials",
    "former_passwords",
    "group_members",
    "members",
    "role_assignments",
];

/// Removes a user: nothing is issued to it from here on, and its identifiers are free.
///
/// # Errors
/// [`Error::Stale`] when its version is not `expected_version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    id: UserId,
    expected_version: i64,
    now: Timestamp,
) -> Result<()> {
    let changed = sql::exec(
        tx,
        "UPDATE users SET deleted_at = $4, updated_at = $4, version = version + 1 \
         WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL",
        [tenant.0.into(), id.0.into(), expected_version.into(), now.0.into()],
    )
    .await?;
    if changed != 1 {
        return Err(Error::Stale("user"));
    }
    for table in OWNED {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND user_id = $2");
        sql::exec(tx, &sql, [tenant.0.into(), id.0.into()]).await?;
    }
    changes::entity(tx, tenant, (USER, id), now).await
}

/// The users after a position, oldest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<(Timestamp, UserId)>,
    limit: u64,
) -> Result<Vec<User>> {
    let (at, id) = after.unwrap_or((Timestamp(i64::MIN), UserId(uuid::Uuid::nil())));
    let sql = format!(
        "SELECT {COLUMNS} FROM users u {EMAIL} \
         WHERE u.tenant_id = $1 AND u.deleted_at IS NULL \
         AND (u.created_at, u.id) > ($2, $3) ORDER BY u.created_at, u.id LIMIT $4"
    );
    let args = [tenant.0.into(), at.0.into(), id.0.into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

/// The ids of the users after an id, in their order: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn ids_after(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<UserId>> {
    let sql = "SELECT id FROM users WHERE tenant_id = $1 AND id > $2 AND deleted_at IS NULL \
         ORDER BY id LIMIT $3";
    let after = after.map_or(uuid::Uuid::nil(), |id| id.0);
    let rows = sql::all(tx, sql, [tenant.0.into(), after.into(), sql::limit(limit)]).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// The users whose normalised e-mail address starts with `prefix`, in the order of addresses.
///
/// A range and not LIKE: under row-level security LIKE cannot use the index.
///
/// # Errors
/// When the database fails.
pub async fn search_email_prefix(
    tx: &TenantTx,
    tenant: TenantId,
    prefix: &str,
    limit: u64,
) -> Result<Vec<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM user_identifiers e \
         JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id \
         WHERE e.tenant_id = $1 AND e.kind = 'email' AND e.value >= $2 AND e.value < $3 \
         AND u.deleted_at IS NULL ORDER BY e.value LIMIT $4"
    );
    // The last code point: above every address that goes on after the prefix.
    let end = format!("{prefix}{}", char::MAX);
    let args = [tenant.0.into(), prefix.into(), end.into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

fn read(row: &QueryResult) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        sub: row.value("sub")?,
        email: row.value("email")?,
        email_verified: row.value::<Option<i64>>("email_verified_at")?.is_some(),
        name: row.value("name")?,
        claims: row.json("claims", "user")?,
        active: row.value("active")?,
        delete_at: row.maybe_time("delete_at")?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
