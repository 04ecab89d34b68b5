//! Reads what there is of a tenant.

use std::collections::{HashMap, HashSet};

use bailiwick_actors::Platform;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::user::User;
use bailiwick_domain::{TenantId, UserId};
use bailiwick_store::{Error, Store, users};

use super::plan::Current;
use crate::cli::manifest::TenantEntry;

/// Users in one reading transaction.
const PAGE: usize = 500;

/// Reads the present state of an entry's tenant; with `all`, its other users too.
pub(super) async fn read(
    platform: &Platform,
    entry: &TenantEntry,
    all: bool,
) -> anyhow::Result<Current> {
    let Some(route) = platform.by_slug(&entry.slug).await? else { return Ok(Current::default()) };
    let view = route.tenant.view();
    let (store, id) = (platform.store(), view.tenant.id);
    let wanted: Vec<String> = entry.users.iter().map(|u| u.key.clone()).collect();
    let mut found = HashMap::new();
    let mut others = Vec::new();
    if all {
        let named: HashSet<&String> = wanted.iter().collect();
        for user in every(store, id).await? {
            let key = user.email.as_deref().and_then(normalize_email);
            match key.filter(|key| named.contains(key)) {
                Some(key) => drop(found.insert(key, user)),
                None => others.push(user),
            }
        }
    } else {
        for part in wanted.chunks(PAGE) {
            found.extend(by_email(store, id, part.to_vec()).await?);
        }
    }
    Ok(Current {
        tenant: Some(view.tenant.as_ref().clone()),
        applications: view.applications.iter().cloned().collect(),
        users: found,
        others,
    })
}

async fn by_email(
    store: &Store,
    tenant: TenantId,
    emails: Vec<String>,
) -> Result<Vec<(String, User)>, Error> {
    store
        .read(tenant, move |tx| async move {
            let mut found = Vec::new();
            for email in emails {
                let user = users::by_email(&tx, tenant, &email).await?;
                found.extend(user.map(|user| (email, user)));
            }
            Ok(found)
        })
        .await
}

async fn every(store: &Store, tenant: TenantId) -> Result<Vec<User>, Error> {
    let mut all: Vec<User> = Vec::new();
    loop {
        let after = all.last().map(|u| (u.created_at, UserId(u.id.0)));
        let limit = PAGE as u64;
        let page = store
            .read(tenant, move |tx| async move { users::page(&tx, tenant, after, limit).await })
            .await?;
        let full = page.len() == PAGE;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}
