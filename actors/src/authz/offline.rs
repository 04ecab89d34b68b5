//! What an application needs to decide by itself: the policies, and the entities that they look at.

use std::collections::BTreeSet;
use std::sync::Arc;

use bailiwick_domain::{ApplicationId, DecisionId};
use bailiwick_policy::{Export, Fault, Loaded, Uid};

use super::compiled::Compiled;
use super::decide::Refusal;
use super::entity::ORGANIZATION;
use super::gather::{Memo, Source};
use crate::error::Error;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// The most entities of one export.
const ENTITIES: usize = 10_000;
/// The most bytes of one export.
const BYTES: usize = 2 * 1024 * 1024;

/// What decisions about one principal are made by.
#[derive(Clone, Debug)]
pub struct Offline {
    /// Names it in its receipt.
    pub id: DecisionId,
    /// The version of the policies.
    pub snapshot: i64,
    /// Policies and entities.
    pub export: Export,
}

impl TenantHandle {
    /// Everything that decisions about a principal and these resources look at, for an application
    /// that makes them itself. It counts as one decision.
    ///
    /// # Errors
    /// As a decision; also when it is more than 2 MiB or 10,000 entities.
    pub async fn export_policies(
        &self,
        (view, compiled): (&TenantView, &Arc<Compiled>),
        application: ApplicationId,
        (principal, resources): (&Uid, &[Uid]),
    ) -> Result<Offline, Refusal> {
        let mut memo = Memo::default();
        let source = Source { tenant: self, view, compiled, sent: None, trial: None };
        let literals = compiled.snapshot.literals();
        let mut from: Vec<&Uid> =
            [principal].into_iter().chain(resources).chain(literals).collect();
        let levels = compiled.snapshot.levels();
        let (mut near, _) = source.reach(&from, (levels, ENTITIES), &mut memo).await?;
        let organizations: BTreeSet<Uid> =
            near.keys().filter(|uid| uid.kind() == ORGANIZATION).cloned().collect();
        let layers = source.layers(organizations.iter()).await?;
        if source.deeper(&layers) {
            from.extend(layers.iter().flat_map(|(_, layer)| layer.literals()));
            let levels = source.levels(&layers);
            near = source.reach(&from, (levels, ENTITIES), &mut memo).await?.0;
        }
        let mut entities: Vec<Loaded> =
            near.keys().filter_map(|uid| memo.get(uid)).cloned().collect();
        entities.sort_unstable_by(|a, b| a.uid().cmp(b.uid()));
        let work = {
            let compiled = Arc::clone(compiled);
            move || {
                let layers = layers.iter().map(|(uid, layer)| (uid, layer.as_ref()));
                let export = compiled.snapshot.export(layers, &entities)?;
                let size = export.size();
                Ok((export, size))
            }
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting)?;
        let (export, size) = done.map_err(Error::Policies)?;
        if size > BYTES {
            let message = format!(
                "the policies and the entities that they look at have {size} bytes, and the most is \
                 {BYTES}: name fewer resources, or ask for decisions instead"
            );
            return Err(Refusal::Invalid(vec![Fault::new("resources", message)]));
        }
        let id = self.count(view, application);
        Ok(Offline { id, snapshot: compiled.version, export })
    }
}
