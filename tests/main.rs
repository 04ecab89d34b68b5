//! The one integration binary: a file per endpoint, and the tests that hold the house together.

// Also tells clippy that unwrap and panic are at home here.
#![cfg(test)]

mod architecture;
mod harness_itself;
mod oauth;
mod real_clients;
