//! The group commit: up to 256 commands of any tenants as a few set statements.
//!
//! Each kind of command is one statement or two, whatever the number of commands. Rows go in the
//! order of their keys and tables in one fixed order, so that batches do not wait for each other
//! in circles. Losing a race is a missing row, never an error; an error (a deadlock that the
//! planner's order of locks made possible is one) fails the whole transaction, and the committer
//! runs the commands singly.
//!
//! Conditions on other tables are scalar subqueries, `(SELECT true FROM ... )`, never `EXISTS` and
//! never joins: those PostgreSQL may turn around and begin with every row of a tenant, and does so
//! while its statistics are those of a smaller table.
//!
//! Revocations run first: in one batch they win over what they revoke. Every issuing statement
//! checks session, grant, user and application again in its own WHERE.

use bailiwick_domain::user::User;
use bailiwick_domain::{
    ApplicationId, CommandId, FamilyId, GrantId, OrganizationId, ScopeSet, SessionId, TenantId,
    Timestamp, UserId,
};
use serde_json::Value as Json;

use crate::audit::{self, AuditEvent};
use crate::error::Result;
use crate::tx::TenantTx;

mod assertion;
mod issue;
mod redeem;
pub(crate) mod revoke;
mod rotate;
#[cfg(test)]
mod tests;
mod used;

/// The most commands that a committer puts into one batch.
pub const MAX_COMMANDS: usize = 256;

/// Something to commit.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its id, unique: a code or a family keeps the id of the command that used it, which tells a
    /// statement's rows apart.
    pub id: CommandId,
    /// The tenant that it is about.
    pub tenant: TenantId,
    /// What to do.
    pub action: Action,
    /// Written if, and only if, the command did something.
    pub audit: Option<AuditEvent>,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Stores a grant, and a code for it. Gives [`Outcome::Issued`] or [`Outcome::Refused`].
    IssueGrant(IssueGrant),
    /// Exchanges a code. Gives [`Outcome::Redeemed`] or [`Outcome::Lost`].
    RedeemCode(RedeemCode),
    /// Exchanges a refresh token. Gives [`Outcome::Rotated`] or [`Outcome::Lost`].
    RotateRefresh(RotateRefresh),
    /// Revokes grants with their families. Gives [`Outcome::Revoked`].
    RevokeGrants(Vec<GrantId>),
    /// Revokes the grant of a family with all its families. Gives [`Outcome::Revoked`].
    RevokeFamily(FamilyId),
    /// Revokes one access token. Gives [`Outcome::TokenRevoked`].
    RevokeToken {
        /// The token's `jti`.
        jti: String,
        /// When the token, and with it the need to remember this, ends.
        expires_at: Timestamp,
    },
    /// Ends sessions. Gives [`Outcome::Ended`].
    EndSessions(Vec<SessionId>),
    /// Uses a client assertion up. Gives [`Outcome::Fresh`] or [`Outcome::Replayed`].
    UseAssertion(UseAssertion),
}

/// A grant to store.
#[derive(Clone, Debug)]
pub struct IssueGrant {
    /// Its id.
    pub grant: GrantId,
    /// Who authorized.
    pub user: UserId,
    /// Which application.
    pub application: ApplicationId,
    /// For which organization: the user must be a member.
    pub organization: Option<OrganizationId>,
    /// The session that it is given in: must be alive, and of this user.
    pub session: Option<SessionId>,
    /// The session was used: it lives on until then, but never beyond its end.
    pub session_until: Option<Timestamp>,
    /// What.
    pub scopes: ScopeSet,
    /// When nothing that it gives works any longer.
    pub expires_at: Timestamp,
    /// The code that stands for it.
    pub code: Option<NewCode>,
}

/// A code to store.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Its MAC under the tenant's key.
    pub mac: [u8; 32],
    /// What the token endpoint needs.
    pub details: Json,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A code to exchange.
#[derive(Clone, Debug)]
pub struct RedeemCode {
    /// Its MAC under the tenant's key.
    pub mac: [u8; 32],
    /// The application that presents it.
    pub application: ApplicationId,
    /// The family of refresh tokens to start.
    pub family: Option<NewFamily>,
}

/// A family of refresh tokens to start, at generation 0.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// Its id.
    pub id: FamilyId,
    /// What the token endpoint needs when it refreshes.
    pub details: Json,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A refresh token to exchange.
#[derive(Clone, Copy, Debug)]
pub struct RotateRefresh {
    /// Its family.
    pub family: FamilyId,
    /// The application that presents it.
    pub application: ApplicationId,
    /// Its generation.
    pub presented: i64,
}

/// A client assertion to use up.
#[derive(Clone, Copy, Debug)]
pub struct UseAssertion {
    /// The client.
    pub application: ApplicationId,
    /// SHA-256 of the assertion's `jti`.
    pub jti_hash: [u8; 32],
    /// When the assertion expires.
    pub expires_at: Timestamp,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The grant and its code are stored.
    Issued,
    /// The session, the user or the application is gone, or the user left the organization.
    Refused,
    /// The code was exchanged, by this command and no other.
    Redeemed(Redeemed),
    /// The refresh token was exchanged, by this command and no other.
    Rotated(Rotated),
    /// Nothing was exchanged: used, expired, revoked, or not this application's. The row says why.
    Lost,
    /// The grants that this command revoked; those revoked before are not among them.
    Revoked(Vec<GrantId>),
    /// The token is on the list.
    TokenRevoked,
    /// The sessions that this command ended.
    Ended(Vec<SessionId>),
    /// The assertion was not used before.
    Fresh,
    /// The assertion was used before.
    Replayed,
}

impl Outcome {
    /// Whether the command did something.
    #[must_use]
    pub const fn won(&self) -> bool {
        match self {
            Self::Issued
            | Self::Redeemed(_)
            | Self::Rotated(_)
            | Self::TokenRevoked
            | Self::Fresh => true,
            Self::Refused | Self::Lost | Self::Replayed => false,
            Self::Revoked(grants) => !grants.is_empty(),
            Self::Ended(sessions) => !sessions.is_empty(),
        }
    }
}

/// What a redeemed code stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The grant.
    pub grant: GrantId,
    /// The user who authorized.
    pub user: UserId,
    /// The session that the grant was given in.
    pub session: Option<SessionId>,
    /// What was granted.
    pub scopes: ScopeSet,
    /// What was kept with the code.
    pub details: Json,
}

/// A family after its rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The generation that is valid now.
    pub generation: i64,
    /// The grant.
    pub grant: GrantId,
    /// The user; none when its row is not readable.
    pub user: Option<User>,
    /// What was kept with the family.
    pub details: Json,
    /// When the family was started.
    pub created_at: Timestamp,
    /// When the family stops working.
    pub expires_at: Timestamp,
}

impl Action {
    /// What becomes of it unless a statement gives it a row.
    const fn nothing_done(&self) -> Outcome {
        match self {
            Self::IssueGrant(_) => Outcome::Refused,
            Self::RedeemCode(_) | Self::RotateRefresh(_) => Outcome::Lost,
            Self::RevokeGrants(_) | Self::RevokeFamily(_) => Outcome::Revoked(Vec::new()),
            Self::RevokeToken { .. } => Outcome::TokenRevoked,
            Self::EndSessions(_) => Outcome::Ended(Vec::new()),
            Self::UseAssertion(_) => Outcome::Replayed,
        }
    }
}

/// Runs commands of any tenants of the transaction. The outcomes are in the order of the commands.
///
/// # Errors
/// When the database fails: nothing of the batch is done.
pub async fn run(tx: &TenantTx, commands: &[Command], now: Timestamp) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = commands.iter().map(|c| c.action.nothing_done()).collect();
    used::run(tx, commands, now).await?;
    let changes = revoke::run(tx, commands, now, &mut outcomes).await?;
    assertion::run(tx, commands, &mut outcomes).await?;
    redeem::run(tx, commands, now, &mut outcomes).await?;
    rotate::run(tx, commands, now, &mut outcomes).await?;
    issue::run(tx, commands, now, &mut outcomes).await?;
    revoke::announce(tx, changes).await?;
    let told: Vec<AuditEvent> = std::iter::zip(commands, &outcomes)
        .filter(|(_, outcome)| outcome.won())
        .filter_map(|(command, _)| command.audit.clone())
        .collect();
    audit::append(tx, &told).await?;
    Ok(outcomes)
}
