//! What speaks: HTTP APIs, hosted pages, the command line, the background worker, and the wiring.

pub mod account;
pub mod admin;
pub mod api_key;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod cx;
pub mod factors;
pub mod flow;
pub mod health;
pub mod http;
pub mod login;
pub mod mails;
pub mod metrics;
pub mod oauth;
pub mod openapi;
pub mod pages;
pub mod password;
pub mod places;
pub mod routes;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod worker;
