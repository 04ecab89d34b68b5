//! What both decision APIs share, AuthZEN's and our own: who asks, what is asked, and refusals.

pub mod caller;
pub mod failure;
pub mod question;

pub use caller::Caller;
pub use failure::Failure;
