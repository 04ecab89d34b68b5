//! What can go wrong at the database.

use bailiwick_domain::Kind;
use sea_orm::{DbErr, RuntimeErr};

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is known about a transaction that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was written.
    Aborted,
    /// The commit was sent and its answer was lost: read back before deciding.
    Unknown,
}

/// A failure of the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The row that was to change has another version by now, or is gone.
    #[error("the {0} changed meanwhile")]
    Stale(&'static str),
    /// A unique key is taken.
    #[error("this {0} exists already")]
    Taken(&'static str),
    /// There is no such row for this tenant.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The database is away or its pool is full.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value is not what this version understands: that row fails, nothing else.
    #[error("a stored {0} is not readable")]
    Corrupt(&'static str),
    /// A sealed value does not open: wrong key, or edited.
    #[error("a sealed {0} does not open")]
    Sealed(&'static str),
    /// The schema does not fit this binary.
    #[error("{0}")]
    Schema(String),
    /// Configuration that cannot work.
    #[error("{0}")]
    Config(String),
    /// A statement failed: a mistake of ours.
    #[error("statement failed: {0}")]
    Statement(String),
    /// The commit's answer was lost.
    #[error("the outcome of a commit is unknown: {0}")]
    CommitLost(String),
}

impl Error {
    /// The kind that callers map.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Stale(_) | Self::Taken(_) => Kind::Conflict,
            Self::NotFound(_) => Kind::NotFound,
            Self::Unavailable(_) | Self::CommitLost(_) => Kind::Unavailable,
            Self::Config(_)
            | Self::Schema(_)
            | Self::Corrupt(_)
            | Self::Sealed(_)
            | Self::Statement(_) => Kind::Internal,
        }
    }

    /// Whether the transaction certainly wrote nothing.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::CommitLost(_) => Outcome::Unknown,
            _ => Outcome::Aborted,
        }
    }

    /// The error of a failed insert: [`Error::Taken`] when a unique key is violated.
    pub(crate) fn on_insert(what: &'static str) -> impl FnOnce(DbErr) -> Self {
        move |e| match e.sql_err() {
            Some(sea_orm::SqlErr::UniqueConstraintViolation(_)) => Self::Taken(what),
            _ => e.into(),
        }
    }
}

/// Whether PostgreSQL refuses because of its own state: connection exceptions, no resources left,
/// stopping, starting, and statements that it gave up (classes 08, 53 and 57 of its appendix A).
fn is_away(sqlstate: &str) -> bool {
    ["08", "53", "57"].iter().any(|class| sqlstate.starts_with(class))
}

impl From<DbErr> for Error {
    fn from(e: DbErr) -> Self {
        match &e {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(e.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(inner))
            | DbErr::Query(RuntimeErr::SqlxError(inner)) => match inner.as_ref() {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Tls(_) => Self::Unavailable(e.to_string()),
                sqlx::Error::Database(refusal)
                    if refusal.code().is_some_and(|code| is_away(&code)) =>
                {
                    Self::Unavailable(e.to_string())
                }
                _ => Self::Statement(e.to_string()),
            },
            _ => Self::Statement(e.to_string()),
        }
    }
}
