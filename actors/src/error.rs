//! What can go wrong in an owner.

use bailiwick_domain::Kind;
use bailiwick_domain::application::Mistake;
use bailiwick_policy::Finding;

/// A failure of an owner or of what it stands on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The mailbox or queue is full: try again soon.
    #[error("too much work is waiting")]
    Full,
    /// The owner stopped, or panicked and is being rebuilt.
    #[error("the owner is restarting")]
    Restarting,
    /// The change breaks rules.
    #[error("the change is not valid")]
    Invalid(Vec<Mistake>),
    /// The policies do not compile, or do not fit the schema.
    #[error("the policies are not valid")]
    Policies(Vec<Finding>),
    /// A key could not be made or read.
    #[error("signing key: {0}")]
    Key(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] bailiwick_store::Error),
}

impl Error {
    /// The kind that callers map.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Full | Self::Restarting => Kind::Unavailable,
            Self::Invalid(_) | Self::Policies(_) => Kind::Invalid,
            Self::Key(_) => Kind::Internal,
            Self::Store(e) => e.kind(),
        }
    }
}
