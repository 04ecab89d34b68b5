//! One decision: asked, answered from memory where it can be, counted and logged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_domain::{ApplicationId, DecisionId};
use bailiwick_policy::{Decision, EntityData, Fault, Layer, Uid, organization_layer};
use bailiwick_store::TenantTx;
use bailiwick_store::authz::policies::{self, Scope};
use bailiwick_store::usage::Dimension;
use serde_json::{Map, Value};

use super::cache::{KnownDecision, Question};
use super::compiled::{Compiled, bundle};
use super::gather::{Memo, Source};
use super::log::Record;
use crate::error::Error;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// Entities that came with a request.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// By name.
    pub entities: HashMap<Uid, EntityData>,
}

/// What is asked.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Who wants to do it.
    pub principal: Uid,
    /// What it wants to do.
    pub action: &'a str,
    /// What it wants to do it to.
    pub resource: Uid,
    /// The circumstances.
    pub context: Map<String, Value>,
    /// What came with the request.
    pub sent: Option<Arc<Sent>>,
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Names the decision: in its receipt, and in the log.
    pub id: DecisionId,
    /// The answer, and why.
    pub decision: Arc<Decision>,
    /// Entities that the schema does not fit any more; they count as missing.
    pub unfit: Vec<Fault>,
    /// The version of the policies.
    pub snapshot: i64,
}

/// Why nothing was decided.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// What was asked makes no sense.
    Invalid(Vec<Fault>),
    /// A part of ours is away.
    Owner(Error),
}

impl From<Error> for Refusal {
    fn from(e: Error) -> Self {
        Self::Owner(e)
    }
}

impl TenantHandle {
    /// The tenant's policies, compiled; read and built if this is its first decision here.
    ///
    /// # Errors
    /// Those of the store; [`Error::Policies`] when an active version does not compile.
    pub async fn policies(&self, view: &TenantView) -> Result<Arc<Compiled>, Error> {
        let mode = view.tenant.settings.authz.mode;
        let compiled = self.authz().get(&self.shared().store, view.tenant.id, mode).await?;
        Ok(compiled)
    }

    /// Decides for an application, counts the decision for it and logs it.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was decided, and nothing is counted.
    pub async fn decide(
        &self,
        (view, compiled): (&TenantView, &Compiled),
        application: ApplicationId,
        ask: Ask<'_>,
        memo: &mut Memo,
    ) -> Result<Decided, Refusal> {
        let began = self.shared().env.now();
        let log = self.authz().log.wants(&view.tenant.settings.authz.log, began);
        let record = log.then(|| Record::new(&ask));
        let (decision, unfit) = self.judge((view, compiled), ask, memo).await?;
        let id: DecisionId = self.shared().env.id();
        let key = (application, Dimension::DecisionMade);
        view.tallies.record(view.tenant.id, key, id.0.as_bytes(), &self.shared().dirty);
        let snapshot = compiled.version;
        let decided = Decided { id, decision, unfit, snapshot };
        if let Some(record) = record {
            let took = self.shared().env.now().since(began);
            let kept =
                self.shared().log.keep(record.done(view, application, &decided, (began, took)));
            if !kept {
                self.authz().log.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(decided)
    }

    /// The answer: remembered, or worked out.
    async fn judge(
        &self,
        (view, compiled): (&TenantView, &Compiled),
        ask: Ask<'_>,
        memo: &mut Memo,
    ) -> Result<(Arc<Decision>, Vec<Fault>), Refusal> {
        let (authz, caches) = (self.authz(), &self.shared().caches);
        let question = ask.sent.is_none().then(|| Question {
            tenant: authz.incarnation(),
            principal: ask.principal.clone(),
            action: ask.action.into(),
            resource: ask.resource.clone(),
            context: if ask.context.is_empty() {
                Box::default()
            } else {
                Value::Object(ask.context.clone()).to_string().into()
            },
        });
        let epoch = memo.epoch(authz);
        if let Some(question) = &question
            && let Some(known) = caches.decisions.get(question)
            && (known.snapshot, known.epoch) == (compiled.version, epoch)
        {
            caches.hits.increment(1);
            return Ok((known.decision, Vec::new()));
        }
        caches.misses.increment(1);
        let snapshot = &compiled.snapshot;
        let query = snapshot.query(ask.principal, ask.action, ask.resource, ask.context);
        let query = query.map_err(Refusal::Invalid)?;
        let source =
            Source { tenant: self, view, compiled, sent: ask.sent.as_deref(), trial: None };
        let (decision, gathered) = source.decide(&query, memo).await?;
        let decision = Arc::new(decision);
        if let Some(question) = question
            && gathered.lasting
            && gathered.unfit.is_empty()
            && authz.epoch.load(Ordering::Acquire) == epoch
        {
            let (snapshot, decision) = (compiled.version, Arc::clone(&decision));
            caches.decisions.insert(question, KnownDecision { snapshot, epoch, decision });
        }
        Ok((decision, gathered.unfit))
    }

    /// The policies of an organization, if it has any.
    pub(super) async fn organization_layer(
        &self,
        compiled: &Compiled,
        uid: &Uid,
    ) -> Result<Option<Arc<Layer>>, Error> {
        let (authz, layers) = (self.authz(), &self.shared().caches.layers);
        let key = (authz.incarnation(), compiled.version, uid.clone());
        if let Some(known) = layers.get(&key) {
            return Ok(known);
        }
        let Ok(organization) = uid.id().parse() else { return Ok(None) };
        let tenant = self.id();
        let read = move |tx: TenantTx| async move {
            let scope = Scope::Organization(organization);
            let (_, active) = policies::active(&tx, tenant, scope).await?;
            Ok::<_, Error>(active)
        };
        let active = self.shared().store.read(tenant, read).await?;
        let layer = match active {
            None => None,
            Some(version) => {
                let files = bundle(version.bundle)?.policies;
                let layer = organization_layer(&compiled.snapshot, uid, &files);
                Some(Arc::new(layer.map_err(Error::Policies)?))
            }
        };
        layers.insert(key, layer.clone());
        Ok(layer)
    }
}
