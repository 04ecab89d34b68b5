//! Committers: validated commands of any tenants, committed in groups.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bailiwick_domain::{Env, TenantId, Timestamp};
use bailiwick_store::batch::{self, Action, Command, Outcome};
use bailiwick_store::{Error as StoreError, Store};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::revocations::RevokedKey;
use crate::runtime::{BATCH, Batcher, Mailbox, Threads};

/// Committers of a node on PostgreSQL. SQLite has one writer, so one committer.
const ON_POSTGRES: usize = 3;

const _: () = assert!(BATCH == batch::MAX_COMMANDS, "a batch fits into one group commit");

/// The committers of a node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Committers(Arc<[Mailbox<Job>]>);

pub(crate) struct Job {
    command: Command,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Committers {
    pub(crate) fn start(store: &Store, env: &Env, threads: &Threads) -> Self {
        let n = if store.is_sqlite() { 1 } else { ON_POSTGRES };
        let committer = || Committer { store: store.clone(), env: env.clone() };
        Self((0..n).map(|_| threads.batcher(committer())).collect())
    }

    /// Commits a command together with whatever else is waiting.
    pub(crate) async fn commit(&self, command: Command) -> Result<Outcome, Error> {
        let (reply, answer) = oneshot::channel();
        let lane = lane(&command, self.0.len());
        let Some(mailbox) = self.0.get(lane) else { return Err(Error::Restarting) };
        mailbox.send(Job { command, reply })?;
        // A reply that is dropped is a queue that was full.
        Ok(answer.await.map_err(|_| Error::Full)??)
    }
}

/// Commands about the same row go to the same committer, so that they do not wait for each other's
/// row locks in two transactions.
fn lane(command: &Command, lanes: usize) -> usize {
    let mut hash = DefaultHasher::new();
    match &command.action {
        Action::IssueGrant(c) => c.grant.hash(&mut hash),
        Action::RedeemCode(c) => c.mac.hash(&mut hash),
        Action::RotateRefresh(c) => c.family.hash(&mut hash),
        Action::RevokeFamily(family) => family.hash(&mut hash),
        Action::RevokeGrants(grants) => grants.hash(&mut hash),
        Action::EndSessions(sessions) => sessions.hash(&mut hash),
        Action::RevokeToken { jti, .. } => jti.hash(&mut hash),
        Action::UseAssertion(c) => c.jti_hash.hash(&mut hash),
    }
    usize::try_from(hash.finish() % lanes.max(1) as u64).unwrap_or(0)
}

#[derive(Clone)]
struct Committer {
    store: Store,
    env: Env,
}

impl Batcher for Committer {
    type Command = Job;

    async fn run(self, jobs: Vec<Job>) {
        let (commands, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|j| (j.command, j.reply)).unzip();
        let commands = Arc::new(commands);
        match self.commit(Arc::clone(&commands)).await {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(Ok(outcome));
                }
            }
            // One bad command must not fail the others: each gets a transaction of its own. When
            // the database is away that would only wait longer, and when the outcome is unknown it
            // could do things twice.
            Err(e @ StoreError::Statement(_)) if commands.len() > 1 => {
                tracing::warn!(error = %e, commands = commands.len(), "a batch is run singly");
                for (command, reply) in commands.iter().zip(replies) {
                    let done = self.commit(Arc::new(vec![command.clone()])).await;
                    let one = done.and_then(|mut list| {
                        list.pop().ok_or_else(|| StoreError::Statement("no outcome".into()))
                    });
                    let _ = reply.send(one);
                }
            }
            Err(e) => {
                for reply in replies {
                    let _ = reply.send(Err(e.clone()));
                }
            }
        }
    }
}

impl Committer {
    async fn commit(&self, commands: Arc<Vec<Command>>) -> Result<Vec<Outcome>, StoreError> {
        let tenants: Vec<TenantId> = commands.iter().map(|c| c.tenant).collect();
        let now = self.env.now();
        self.store
            .write(tenants, move |tx| async move { batch::run(&tx, &commands, now).await })
            .await
    }
}

/// What this node's own deny-list learns from a command at once.
pub(crate) fn revoked_by(
    outcome: &Outcome,
    jti: Option<&str>,
    now: Timestamp,
) -> Vec<(RevokedKey, Timestamp)> {
    let key: Vec<RevokedKey> = match outcome {
        Outcome::Revoked(grants) => grants.iter().copied().map(RevokedKey::Grant).collect(),
        Outcome::Ended(sessions) => sessions.iter().copied().map(RevokedKey::Session).collect(),
        Outcome::TokenRevoked => jti.and_then(RevokedKey::jti).into_iter().collect(),
        _ => Vec::new(),
    };
    key.into_iter().map(|k| (k, now)).collect()
}

#[cfg(test)]
mod tests;
