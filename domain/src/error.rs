//! The kinds of failure the whole house knows.

/// What kind of failure an error is. Every error enum of the house maps its variants to these;
/// `app` maps these to HTTP once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The caller sent something malformed or not allowed by the rules: 400.
    Invalid,
    /// The caller is not who it claims to be: 401.
    Unauthenticated,
    /// The caller is known and may not do this: 403.
    Forbidden,
    /// There is no such thing, or it is another tenant's: 404.
    NotFound,
    /// The thing changed meanwhile, or exists already: 409 or 412.
    Conflict,
    /// The input is larger than the bounds: 413.
    TooLarge,
    /// The caller asks too often: 429.
    Limited,
    /// A part that is needed is full or away; trying again later may work: 503.
    Unavailable,
    /// A mistake of ours: 500.
    Internal,
}
