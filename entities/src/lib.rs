//! SeaORM rows, one file a table: data and nothing else.
//!
//! Times are microseconds since the Unix epoch. The types of the store's interface are elsewhere:
//! no entity leaves the store.

pub mod account_links;
pub mod addresses;
pub mod api_keys;
pub mod application_secrets;
pub mod applications;
pub mod assertion_jtis;
pub mod audit_events;
pub mod browsers;
pub mod changes;
pub mod codes;
pub mod consents;
pub mod credentials;
pub mod data_keys;
pub mod decisions;
pub mod former_passwords;
pub mod grants;
pub mod group_members;
pub mod groups;
pub mod idempotency_keys;
pub mod jobs;
pub mod members;
pub mod objects;
pub mod organizations;
pub mod policy_drafts;
pub mod policy_replays;
pub mod policy_state;
pub mod policy_versions;
pub mod receipts;
pub mod refresh_families;
pub mod refusals;
pub mod remembered_browsers;
pub mod role_assignments;
pub mod roles;
pub mod sessions;
pub mod signing_keys;
pub mod spent;
pub mod tenants;
pub mod usage_hourly;
pub mod user_identifiers;
pub mod users;
