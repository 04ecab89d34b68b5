//! What becomes of a tenant's signing keys: a pure function of their rows, a wish and the time.
//!
//! Of each algorithm one key is open: it has no end yet. It signs, or, published ahead, takes over
//! when the one before it ends. All others are retired.

use std::time::Duration;

use bailiwick_domain::application::{Mistake, SigningAlg};
use bailiwick_domain::{SigningKeyId, Timestamp};
use bailiwick_protocol::jose::{KeyState, KeyTimes, PUBLISHED_AFTER, PUBLISHED_AHEAD, rotates_at};
use bailiwick_store::Error as StoreError;
use bailiwick_store::signing_keys::Row;

use crate::error::Error;

/// So many retired keys of an algorithm may be published: verifiers read the whole JWKS.
const MOST_RETIRED: usize = 20;

/// A key that is to sign at once waits until every node knows it: one that has not polled the change
/// feed for longer gets no requests. Else a token of it would be refused at the next node.
pub(super) const KNOWN_EVERYWHERE: Duration = Duration::from_secs(5);

/// Which keys get a successor, and when it begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Those whose time has come by the tenant's setting; the successor is published ahead.
    Due,
    /// Those of one algorithm or of all. The successor is published at once, and signs when no
    /// verifier can hold a JWKS without it any more.
    Ahead(Option<SigningAlg>),
    /// The same, but the successor signs in five seconds, when every node knows it: verifiers have to fetch the JWKS again when they
    /// see a `kid` that they do not know.
    Now(Option<SigningAlg>),
}

/// What is wished for a tenant's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That some key signs with this algorithm.
    Ensure(SigningAlg),
    /// That keys get successors.
    Rotate(Rotation),
    /// That nothing that this key signs or has signed is believed.
    Revoke(SigningKeyId),
}

/// What a plan goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) now: Timestamp,
    /// The tenant's setting.
    pub(super) rotation_days: u32,
    /// Random.
    pub(super) jitter: u16,
}

impl Terms {
    pub(super) fn rotates_at(&self, signs_from: Timestamp) -> Option<Timestamp> {
        rotates_at(signs_from, self.rotation_days, self.jitter)
    }
}

/// A key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ToMake {
    alg: SigningAlg,
    times: KeyTimes,
    rotate_at: Option<Timestamp>,
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    make: Vec<ToMake>,
    /// Keys whose times change, as they will be.
    pub(super) retimed: Vec<Row>,
    /// The key that is revoked.
    pub(super) removed: Option<Row>,
    /// Keys that were there, and are what was wished.
    pub(super) named: Vec<SigningKeyId>,
}

/// When a stored key does what.
pub(super) fn times(row: &Row) -> KeyTimes {
    KeyTimes { signs_from: row.signs_from, signs_until: row.signs_until, gone_at: row.gone_at }
}

/// Plans.
///
/// # Errors
/// [`Error::Invalid`] for what cannot be rotated; the store's `NotFound` for what is not there to
/// be revoked.
pub(super) fn plan(rows: &[Row], wish: Wish, terms: Terms) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let keys = Keys { rows, terms };
    match wish {
        Wish::Ensure(alg) => match keys.of(alg).find(|r| keys.state(r) == KeyState::Active) {
            Some(row) => plan.named.push(row.id),
            None => keys.succeed(alg, terms.now, &mut plan),
        },
        Wish::Rotate(Rotation::Due) => {
            let due = |row: &Row| row.rotate_at.is_some_and(|at| at <= terms.now);
            for alg in SigningAlg::ALL.into_iter().filter(|alg| keys.of(*alg).any(due)) {
                keys.succeed(alg, terms.now.plus(PUBLISHED_AHEAD), &mut plan);
            }
        }
        Wish::Rotate(Rotation::Ahead(alg)) => {
            for alg in keys.wanted(alg)? {
                keys.succeed(alg, terms.now.plus(PUBLISHED_AHEAD), &mut plan);
            }
        }
        Wish::Rotate(Rotation::Now(alg)) => {
            for alg in keys.wanted(alg)? {
                keys.succeed(alg, terms.now.plus(KNOWN_EVERYWHERE), &mut plan);
            }
        }
        Wish::Revoke(id) => keys.revoke(id, &mut plan)?,
    }
    Ok(plan)
}

/// The open keys with the times at which they get a successor by the present setting.
pub(super) fn replanned(rows: Vec<Row>, terms: Terms) -> impl Iterator<Item = Row> {
    let open = rows.into_iter().filter(|row| row.signs_until.is_none());
    open.map(move |row| Row { rotate_at: terms.rotates_at(row.signs_from), ..row })
}

impl Plan {
    /// The keys to make as rows, each made of a draft of its algorithm, and the algorithms for
    /// which a draft is missing.
    pub(super) fn fill(&self, mut drafts: Vec<Row>) -> (Vec<Row>, Vec<SigningAlg>) {
        let (mut made, mut missing) = (Vec::new(), Vec::new());
        for &ToMake { alg, times, rotate_at } in &self.make {
            let Some(at) = drafts.iter().position(|draft| draft.alg == alg) else {
                missing.push(alg);
                continue;
            };
            let KeyTimes { signs_from, signs_until, gone_at } = times;
            let draft = drafts.swap_remove(at);
            made.push(Row { signs_from, signs_until, gone_at, rotate_at, ..draft });
        }
        (made, missing)
    }
}

struct Keys<'a> {
    rows: &'a [Row],
    terms: Terms,
}

impl Keys<'_> {
    fn state(&self, row: &Row) -> KeyState {
        times(row).state(self.terms.now)
    }

    /// The keys of an algorithm that are not gone.
    fn of(&self, alg: SigningAlg) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.alg == alg && self.state(row) != KeyState::Gone)
    }

    /// The algorithms that somebody asks to rotate.
    fn wanted(&self, alg: Option<SigningAlg>) -> Result<Vec<SigningAlg>, Error> {
        let wrong = |message| Error::Invalid(vec![Mistake::new("alg", message)]);
        if let Some(alg) = alg
            && self.of(alg).next().is_none()
        {
            let message = "no key of this algorithm is there: one is made when an application \
                           needs it";
            return Err(wrong(message.to_owned()));
        }
        let all = SigningAlg::ALL.into_iter().filter(|a| alg.is_none_or(|alg| alg == *a));
        let wanted: Vec<_> = all.filter(|alg| self.of(*alg).next().is_some()).collect();
        for &alg in &wanted {
            let retired = self.of(alg).filter(|r| self.state(r) == KeyState::Retired).count();
            if retired >= MOST_RETIRED {
                let message = format!(
                    "{retired} retired keys of {} are still published: wait until one is gone",
                    alg.name()
                );
                return Err(wrong(message));
            }
        }
        Ok(wanted)
    }

    /// Lets a successor of the open key sign from `at`. One that is published already is it, and
    /// is at most brought forward.
    fn succeed(&self, alg: SigningAlg, at: Timestamp, plan: &mut Plan) {
        let open = self.of(alg).find(|row| row.signs_until.is_none());
        if let Some(next) = open.filter(|row| self.state(row) == KeyState::Next) {
            plan.named.push(next.id);
            if next.signs_from <= at {
                return;
            }
            let rotate_at = self.terms.rotates_at(at);
            plan.retimed.push(Row { signs_from: at, rotate_at, ..next.clone() });
        } else {
            plan.make.push(self.to_make(alg, at));
        }
        let signing = self.of(alg).filter(|row| self.state(row) == KeyState::Active);
        plan.retimed.extend(signing.map(|row| ending(row, at)));
    }

    fn revoke(&self, id: SigningKeyId, plan: &mut Plan) -> Result<(), Error> {
        let now = self.terms.now;
        let found = self.rows.iter().find(|row| row.id == id && self.state(row) != KeyState::Gone);
        let row = found.ok_or(StoreError::NotFound("signing key"))?;
        let before = self.of(row.alg).find(|r| self.state(r) == KeyState::Active);
        match (self.state(row), before) {
            // The new one takes the place of the old one in the plan.
            (KeyState::Active, _) => {
                let open = self.to_make(row.alg, now);
                let times = KeyTimes { signs_from: now, ..times(row) };
                let rotate_at = open.rotate_at.filter(|_| row.signs_until.is_none());
                plan.make.push(ToMake { times, rotate_at, ..open });
            }
            // The one that it was to succeed goes on, and gets another successor when it is due.
            (KeyState::Next, Some(before)) => {
                let rotate_at = self.terms.rotates_at(before.signs_from);
                let open = Row { signs_until: None, gone_at: None, rotate_at, ..before.clone() };
                plan.retimed.push(open);
            }
            (KeyState::Next, None) => plan.make.push(self.to_make(row.alg, now)),
            (KeyState::Retired | KeyState::Gone, _) => {}
        }
        plan.removed = Some(row.clone());
        Ok(())
    }

    fn to_make(&self, alg: SigningAlg, signs_from: Timestamp) -> ToMake {
        let times = KeyTimes { signs_from, signs_until: None, gone_at: None };
        ToMake { alg, times, rotate_at: self.terms.rotates_at(signs_from) }
    }
}

/// The key when its successor signs from `at`.
fn ending(row: &Row, at: Timestamp) -> Row {
    Row {
        signs_until: Some(at),
        gone_at: Some(at.plus(PUBLISHED_AFTER)),
        rotate_at: None,
        ..row.clone()
    }
}

#[cfg(test)]
mod tests;
