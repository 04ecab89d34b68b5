//! Logs: one JSON object a line on standard error, with request id and tenant.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging to standard error.
///
/// # Errors
/// When `directives` (the setting `log`) is not understood, or logging was started before.
pub fn init(directives: &str) -> anyhow::Result<()> {
    let subscriber = subscriber(directives, std::io::stderr)?;
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// What writes logs to `writer`: for tests, too.
///
/// # Errors
/// When `directives` is not understood.
pub fn subscriber<W>(
    directives: &str,
    writer: W,
) -> anyhow::Result<impl tracing::Subscriber + Send + Sync + use<W>>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(directives)
        .map_err(|e| anyhow::anyhow!("the setting log is not understood: {e}"))?;
    Ok(tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish())
}
