//! Printing: results to standard output, everything else to standard error.

use std::io::{self, Write as _};

use serde::Serialize;

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints JSON for tools, laid out for people.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(&serde_json::to_string_pretty(value)?)?)
}

/// Says something that is not the result. Nobody may be listening: that stops nothing.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
