//! The only door to other people's servers.
//!
//! Mail and text messages go to the servers that the operator names. Nearly all other addresses come from
//! tenants, so every request to them is held to public addresses after name resolution, follows no redirect, and is
//! bounded in time and size.

mod breach;
mod guard;
mod jwks;
mod logout;
mod mail;
mod management;
mod text;

pub use breach::Breaches;
pub use guard::{Fetcher, OutboundError};
pub use jwks::JwksCache;
pub use logout::LogoutError;
pub use mail::{Mail, MailError, Mailer};
pub use management::{Management, ManagementError};
pub use text::Texter;
