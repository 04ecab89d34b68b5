//! The words everyone uses: ids, time, errors, events and the types that carry rules.
//!
//! This crate performs no I/O, knows no HTTP and reads no clock: time and randomness reach the
//! rest of the house through [`Env`], which is built once, when the application is built.

pub mod acr;
pub mod application;
pub mod authz;
pub mod breaker;
pub mod env;
pub mod error;
pub mod event;
pub mod id;
pub mod limits;
pub mod locale;
pub mod risk;
pub mod scope;
pub mod tenant;
pub mod text;
pub mod time;
pub mod user;

pub use acr::{Acr, Factor, Factors};
pub use application::{Application, ApplicationSpec};
pub use env::Env;
pub use error::Kind;
pub use event::EventKind;
pub use id::*;
pub use locale::Locale;
pub use scope::ScopeSet;
pub use tenant::{Tenant, TenantSettings};
pub use time::Timestamp;
