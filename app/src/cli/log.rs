//! Where log lines go: to standard error, as JSON when serving.

use anyhow::{Context as _, anyhow};
use tracing_subscriber::EnvFilter;

/// The filter of a configured level or of directives.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn filter(directives: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(directives).with_context(|| {
        format!("log = {directives:?} is not a level (error, warn, info, debug) or directives")
    })
}

/// JSON lines with the fields of the request's span, for `serve`.
pub(crate) fn serving(directives: &str) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_current_span(true)
        .with_env_filter(filter(directives)?)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|e| anyhow!("logging cannot be started: {e}"))
}

/// Warnings only, for people: the other commands print their own results.
pub(crate) fn command() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .compact()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|e| anyhow!("logging cannot be started: {e}"))
}
