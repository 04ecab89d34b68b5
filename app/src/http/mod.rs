//! What every API family shares: routing to a tenant, errors, headers, bodies.

pub mod body;
pub mod cors;
pub mod headers;
pub mod limits;
pub mod peer;
pub mod platform_page;
pub mod problem;
pub mod request_id;
pub mod routing;
pub mod status;
