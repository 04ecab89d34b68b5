//! Writing one entity: what `PUT` and `PATCH` share.

use std::collections::BTreeSet;

use bailiwick_domain::EventKind;
use bailiwick_store::TenantTx;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::objects::{self, Object, ObjectData};
use serde_json::json;

use super::check::{Described, check_entities};
use super::hierarchy;
use crate::admin::auth::{Permit, WriteEntities};
use crate::admin::problem::Problem;

/// Writes an entity: over the one that the caller has seen, if that is given, or whatever is
/// there.
pub(super) async fn write(
    permit: &Permit<WriteEntities>,
    data: ObjectData,
    seen: Option<Object>,
) -> Result<Object, Problem> {
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let described = [Described { at: String::new(), data }];
    check_entities(cx, &described).await?;
    let event = AuditEvent::new(cx.env(), tenant, EventKind::EntitiesWritten, permit.actor);
    let event = event.with(json!({ "entity": described[0].data.uid }));
    let write = move |tx: TenantTx| async move {
        hierarchy::check(&tx, tenant, &described, &BTreeSet::new()).await?;
        let [Described { data, .. }] = described;
        let after = match seen {
            Some(seen) => objects::update(&tx, tenant, Object { data, ..seen }, now).await?,
            None => objects::put(&tx, tenant, vec![data], now)
                .await?
                .pop()
                .ok_or_else(Problem::stale)?,
        };
        audit::append(&tx, &[event]).await?;
        Ok(after)
    };
    cx.store().write(tenant, write).await
}
