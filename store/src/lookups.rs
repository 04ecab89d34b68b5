//! The group read: what many requests look up at the same time, of any tenants, as a few set
//! statements in one transaction. A key that two of them want is read once.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::user::User;
use bailiwick_domain::{FamilyId, GrantId, TenantId, Timestamp, UserId};

use crate::authz::held::{self, Held, Holder};
use crate::authz::platform::{self, EntityKey, EntityRow};
use crate::codes::{CodeMac, CodeRow};
use crate::consents::{Consent, Parties};
use crate::error::Result;
use crate::families::FamilyRow;
use crate::grants::Grant;
use crate::sessions::{BrowserMac, SessionRow};
use crate::tx::TenantTx;
use crate::{codes, consents, families, grants, sessions, users};

#[cfg(test)]
mod tests;

/// Rows by key. One that this version does not understand fails for itself.
pub type Rows<K, T> = BTreeMap<(TenantId, K), Result<T>>;

/// The keys that somebody wants to read.
#[derive(Debug, Default)]
pub struct Wanted {
    users: BTreeSet<(TenantId, UserId)>,
    grants: BTreeSet<(TenantId, GrantId)>,
    codes: BTreeSet<(TenantId, CodeMac)>,
    families: BTreeSet<(TenantId, FamilyId)>,
    browsers: BTreeSet<(TenantId, BrowserMac)>,
    consents: BTreeSet<(TenantId, Parties)>,
    entities: BTreeSet<(TenantId, EntityKey)>,
    holders: BTreeSet<(TenantId, Holder)>,
}

/// What was there, with the users of what was found.
#[derive(Debug, Default)]
pub struct Found {
    users: Rows<UserId, User>,
    grants: Rows<GrantId, Grant>,
    codes: Rows<CodeMac, CodeRow>,
    families: Rows<FamilyId, FamilyRow>,
    browsers: BTreeMap<(TenantId, BrowserMac), Vec<SessionRow>>,
    consents: BTreeMap<(TenantId, Parties), Consent>,
    entities: Rows<EntityKey, EntityRow>,
    held: Rows<Holder, Held>,
}

/// Reads what is wanted.
///
/// # Errors
/// When the database fails.
pub async fn run(tx: &TenantTx, wanted: Wanted, now: Timestamp) -> Result<Found> {
    let mut users = wanted.users;
    let grants = grants::find(tx, &wanted.grants).await?;
    let codes = codes::find(tx, &wanted.codes).await?;
    let families = families::find(tx, &wanted.families).await?;
    let of = |key: TenantId, user: Option<UserId>| user.map(|user| (key, user));
    users.extend(grants.iter().filter_map(|(k, g)| of(k.0, g.as_ref().ok().map(|g| g.user))));
    users.extend(codes.iter().filter_map(|(k, c)| of(k.0, c.as_ref().ok().map(|c| c.user))));
    users.extend(families.iter().filter_map(|(k, f)| of(k.0, f.as_ref().ok().map(|f| f.user))));
    let user_of = |(tenant, key): &(TenantId, EntityKey)| of(*tenant, key.user());
    users.extend(wanted.entities.iter().filter_map(user_of));
    let users = users::find(tx, &users).await?;
    Ok(Found {
        entities: platform::find(tx, &wanted.entities, &users, now).await?,
        grants,
        codes,
        families,
        browsers: sessions::find(tx, &wanted.browsers, now).await?,
        consents: consents::find(tx, &wanted.consents).await?,
        held: held::find(tx, &wanted.holders).await?,
        users,
    })
}

/// Something to look up.
pub trait Key: Clone + Send + 'static {
    /// What is found.
    type Found: Send + 'static;

    /// Asks for it.
    fn want(self, tenant: TenantId, wanted: &mut Wanted);

    /// Takes it out of what was found.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when its row is not readable.
    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found>;
}

impl Key for UserId {
    type Found = Option<User>;

    fn want(self, tenant: TenantId, wanted: &mut Wanted) {
        wanted.users.insert((tenant, self));
    }

    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
        found.users.get(&(tenant, self)).cloned().transpose()
    }
}

/// A grant, a code and a family come with their user, unless it was removed.
macro_rules! with_user {
    ($key:ty, $field:ident, $row:ty) => {
        impl Key for $key {
            type Found = Option<($row, Option<User>)>;

            fn want(self, tenant: TenantId, wanted: &mut Wanted) {
                wanted.$field.insert((tenant, self));
            }

            fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
                let Some(row) = found.$field.get(&(tenant, self)).cloned().transpose()? else {
                    return Ok(None);
                };
                let user = row.user.take(tenant, found)?;
                Ok(Some((row, user)))
            }
        }
    };
}

with_user!(GrantId, grants, Grant);
with_user!(CodeMac, codes, CodeRow);
with_user!(FamilyId, families, FamilyRow);

impl Key for BrowserMac {
    /// The sessions that are alive in the browser, newest first.
    type Found = Vec<SessionRow>;

    fn want(self, tenant: TenantId, wanted: &mut Wanted) {
        wanted.browsers.insert((tenant, self));
    }

    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
        Ok(found.browsers.get(&(tenant, self)).cloned().unwrap_or_default())
    }
}

impl Key for EntityKey {
    type Found = Option<EntityRow>;

    fn want(self, tenant: TenantId, wanted: &mut Wanted) {
        wanted.entities.insert((tenant, self));
    }

    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
        found.entities.get(&(tenant, self)).cloned().transpose()
    }
}

impl Key for Holder {
    /// The roles that it has; none when there is nobody.
    type Found = Held;

    fn want(self, tenant: TenantId, wanted: &mut Wanted) {
        wanted.holders.insert((tenant, self));
    }

    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
        found.held.get(&(tenant, self)).cloned().unwrap_or_else(|| Ok(Held::new()))
    }
}

impl Key for Parties {
    type Found = Option<Consent>;

    fn want(self, tenant: TenantId, wanted: &mut Wanted) {
        wanted.consents.insert((tenant, self));
    }

    fn take(self, tenant: TenantId, found: &Found) -> Result<Self::Found> {
        Ok(found.consents.get(&(tenant, self)).cloned())
    }
}
