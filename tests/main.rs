//! The one integration binary: a file per endpoint, and the tests that hold the house together.

// Also tells clippy that unwrap and panic are at home here.
#![cfg(test)]

mod account;
mod admin;
mod architecture;
mod authorization;
mod authz;
mod browser;
mod cluster;
mod feed;
mod harness_itself;
mod isolation;
mod keys;
mod limits;
mod logging;
mod oauth;
mod real_clients;
mod routes;
