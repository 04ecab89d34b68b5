//! Who may, and what may this one do: searches over what is stored, a bounded number of candidates
//! a page.
//!
//! Partial evaluation first: where policies say the same of everybody, nobody is looked at. Where
//! they do not, each candidate is decided for, exactly as a decision would; where they only allow
//! whoever is in certain groups, roles and organizations, only those users are candidates.

use std::sync::Arc;

use bailiwick_domain::authz::USER;
use bailiwick_domain::{ApplicationId, DecisionId};
use bailiwick_policy::{Layer, Sieve, Uid};
use bailiwick_store::TenantTx;
use bailiwick_store::authz::candidates::{self, Among};
use bailiwick_store::usage::Dimension;

use super::compiled::Compiled;
use super::decide::{Ask, Refusal};
use super::gather::{Memo, Source};
use crate::error::Error;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// The most candidates that one page looks at.
const CHECKED: usize = 1_000;
/// Candidates that are read together.
const TOGETHER: u64 = 250;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Who may.
    Principals,
    /// What may be worked on.
    Resources,
}

/// A page of a search.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The ids, or the names of actions.
    pub results: Vec<String>,
    /// Where to go on; `None` when everything was looked at.
    pub next: Option<String>,
    /// Whether there may be others that nothing is stored of.
    pub open: bool,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct Page {
    /// After this one.
    pub after: Option<String>,
    /// The most results.
    pub limit: usize,
}

impl TenantHandle {
    /// The entities of a type that may, or that it may be done to: `ask` names one of them by its
    /// type, with any id.
    ///
    /// # Errors
    /// As a decision.
    pub async fn search(
        &self,
        (view, compiled): (&TenantView, &Compiled),
        application: ApplicationId,
        (wanted, ask): (Wanted, Ask<'_>),
        page: Page,
    ) -> Result<Found, Refusal> {
        let mut memo = Memo::default();
        let (kind, fixed) = match wanted {
            Wanted::Principals => (ask.principal.kind().to_owned(), ask.resource.clone()),
            Wanted::Resources => (ask.resource.kind().to_owned(), ask.principal.clone()),
        };
        let snapshot = &compiled.snapshot;
        if !snapshot.knows_type(&kind) || !snapshot.knows_type(fixed.kind()) {
            return Ok(Found::default());
        }
        let source =
            Source { tenant: self, view, compiled, sent: ask.sent.as_deref(), trial: None };
        if self.is_unknown(&source, &fixed, &mut memo).await? {
            return Ok(Found::default());
        }
        self.count(view, application);
        let sieve = self.sieve(&source, wanted, &ask, &mut memo).await?;
        if sieve == Sieve::Nobody {
            return Ok(Found::default());
        }
        let mut found = Found { open: !candidates::is_listed(&kind), ..Found::default() };
        let among = self.among(view, &kind, &sieve).await?;
        let (mut after, mut checked) = (page.after, 0);
        loop {
            let ids = self.candidates(view, (&kind, among.as_ref()), after.clone()).await?;
            let last = (ids.len() as u64) < TOGETHER;
            let uids: Vec<Uid> =
                ids.iter().filter_map(|id| Uid::new(wanted.kind(&ask), id).ok()).collect();
            if sieve != Sieve::Everybody {
                source.prefetch(&uids, &mut memo).await?;
            }
            for uid in uids {
                let id = uid.id().to_owned();
                let allowed = sieve == Sieve::Everybody || {
                    let asked = wanted.of(&ask, uid);
                    let query = snapshot.query(asked.0, ask.action, asked.1, ask.context.clone());
                    match query {
                        Ok(query) => source.decide(&query, &mut memo).await?.0.allowed,
                        // What cannot be asked is not allowed.
                        Err(_) => false,
                    }
                };
                if allowed {
                    found.results.push(id.clone());
                }
                checked += 1;
                after = Some(id);
                if found.results.len() >= page.limit || checked >= CHECKED {
                    found.next = after;
                    return Ok(found);
                }
            }
            if last {
                return Ok(found);
            }
        }
    }

    /// Where the users are whom a search has to look at, when it need not look at all of them.
    async fn among(
        &self,
        view: &TenantView,
        kind: &str,
        sieve: &Sieve,
    ) -> Result<Option<Arc<Among>>, Error> {
        let Sieve::Among(ties) = sieve else { return Ok(None) };
        if kind != USER {
            return Ok(None);
        }
        let tenant = view.tenant.id;
        let ties: Vec<_> =
            ties.iter().map(|uid| (uid.kind().to_owned(), uid.id().to_owned())).collect();
        let read = move |tx: TenantTx| async move {
            Ok::<_, Error>(Among::of(&tx, tenant, &ties).await?.map(Arc::new))
        };
        self.shared().store.read(tenant, read).await
    }

    /// The next ids that a search looks at.
    async fn candidates(
        &self,
        view: &TenantView,
        (kind, among): (&str, Option<&Arc<Among>>),
        after: Option<String>,
    ) -> Result<Vec<String>, Error> {
        let (tenant, kind, among) = (view.tenant.id, kind.to_owned(), among.cloned());
        let read = move |tx: TenantTx| async move {
            let after = after.as_deref();
            Ok::<_, Error>(match among {
                Some(among) => among.ids_after(&tx, tenant, after, TOGETHER).await?,
                None => candidates::ids_after(&tx, tenant, &kind, after, TOGETHER).await?,
            })
        };
        self.shared().store.read(tenant, read).await
    }

    /// The actions that a principal may do to a resource, by their names.
    ///
    /// # Errors
    /// As a decision.
    pub async fn search_actions(
        &self,
        (view, compiled): (&TenantView, &Compiled),
        application: ApplicationId,
        ask: Ask<'_>,
        page: Page,
    ) -> Result<Found, Refusal> {
        let mut memo = Memo::default();
        let source =
            Source { tenant: self, view, compiled, sent: ask.sent.as_deref(), trial: None };
        for uid in [&ask.principal, &ask.resource] {
            if self.is_unknown(&source, uid, &mut memo).await? {
                return Ok(Found::default());
            }
        }
        self.count(view, application);
        let snapshot = &compiled.snapshot;
        let mut found = Found::default();
        let mut names = snapshot.actions(ask.principal.kind(), ask.resource.kind());
        names.sort_unstable();
        names.retain(|name| page.after.as_ref().is_none_or(|after| name > after));
        for (n, name) in names.iter().enumerate() {
            let (principal, resource) = (ask.principal.clone(), ask.resource.clone());
            let query = snapshot.query(principal, name, resource, ask.context.clone());
            if let Ok(query) = query
                && source.decide(&query, &mut memo).await?.0.allowed
            {
                found.results.push(name.clone());
            }
            let more = n + 1 < names.len();
            if more && (found.results.len() >= page.limit || n + 1 >= CHECKED) {
                found.next = Some(name.clone());
                break;
            }
        }
        Ok(found)
    }

    /// A page counts as one decision, and so does a snapshot.
    pub(super) fn count(&self, view: &TenantView, application: ApplicationId) -> DecisionId {
        let id: DecisionId = self.shared().env.id();
        let counted = (application, Dimension::DecisionMade);
        view.tallies.record(view.tenant.id, counted, id.0.as_bytes(), &self.shared().dirty);
        id
    }

    /// Whether others of its type are stored, and it is not.
    async fn is_unknown(
        &self,
        source: &Source<'_>,
        uid: &Uid,
        memo: &mut Memo,
    ) -> Result<bool, Refusal> {
        let stored = uid.is_platform() || self.authz().may_store(uid.kind());
        if !stored || uid.kind() == bailiwick_domain::authz::ROLE {
            return Ok(false);
        }
        source.prefetch(std::slice::from_ref(uid), memo).await?;
        Ok(!memo.has(uid))
    }

    async fn sieve(
        &self,
        source: &Source<'_>,
        wanted: Wanted,
        ask: &Ask<'_>,
        memo: &mut Memo,
    ) -> Result<Sieve, Refusal> {
        let (snapshot, context) = (&source.compiled.snapshot, ask.context.clone());
        if source.compiled.organizations && wanted == Wanted::Resources {
            // Which policies of organizations apply depends on the resource.
            return Ok(Sieve::Check);
        }
        let query =
            snapshot.query(ask.principal.clone(), ask.action, ask.resource.clone(), context);
        let Ok(query) = query else { return Ok(Sieve::Nobody) };
        let gathered = source.gather(&query, memo).await?;
        let layers: Vec<&Layer> = gathered.layers.iter().map(|(_, layer)| layer.as_ref()).collect();
        Ok(match wanted {
            Wanted::Principals => snapshot.sieve_principals(&query, &gathered.slice, &layers),
            Wanted::Resources => snapshot.sieve_resources(&query, &gathered.slice, &layers),
        })
    }
}

impl Wanted {
    fn kind<'a>(self, ask: &'a Ask<'_>) -> &'a str {
        match self {
            Self::Principals => ask.principal.kind(),
            Self::Resources => ask.resource.kind(),
        }
    }

    /// Principal and resource with the candidate in its place.
    fn of(self, ask: &Ask<'_>, candidate: Uid) -> (Uid, Uid) {
        match self {
            Self::Principals => (candidate, ask.resource.clone()),
            Self::Resources => (ask.principal.clone(), candidate),
        }
    }
}
