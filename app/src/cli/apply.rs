//! `bailiwick apply`: makes tenants, applications and users as a file says.

use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::{Context as _, anyhow, bail};
use bailiwick_actors::Platform;
use bailiwick_domain::Env;
use bailiwick_domain::tenant::SYSTEM_SLUG;
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::manifest::{self, Manifest, Mistake, Rules};
use super::{Output, out};
use crate::config::Config;
use crate::password::PasswordPool;
use crate::server::open_platform;

mod diff;
pub(crate) mod execute;
mod plan;
mod present;
mod report;
#[cfg(test)]
mod tests;

pub use diff::Difference;
pub use report::{ApplicationReport, Deed, Report, TenantReport, UserReport};

use execute::{Doing, operator};
use plan::{How, plan};

/// A larger file is surely not a manifest.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The arguments of `apply`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bailiwick apply -f examples/demo.yaml --dry-run
  DEMO_WEB_SECRET=... bailiwick apply -f tenants.yaml --output json
  generate-manifest | bailiwick apply -f -

The file is YAML, one document for each tenant, or JSON. Its keys are in docs/guides/apply.md.
Applying a file again changes nothing. What the file omits is left alone. Passwords and client
secrets are set on creation only. It works before the server runs, and while it does.")]
pub struct Arguments {
    /// The manifest; - reads it from standard input
    #[arg(short, long)]
    file: PathBuf,
    /// Shows what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Removes the applications and users of the file's tenants that are not in the file
    #[arg(long)]
    prune: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// Removes applications and users that the file does not name.
    pub prune: bool,
}

/// What came of it: the report holds what was done, even when something failed half-way.
#[derive(Debug)]
pub struct Applied {
    /// What was done.
    pub report: Report,
    /// What failed.
    pub failure: Option<anyhow::Error>,
}

/// Runs the command.
///
/// # Errors
/// With every mistake of the file, each with its line and path; and when the database fails.
pub async fn run(config: &Config, env: &Env, arguments: &Arguments) -> anyhow::Result<()> {
    let (name, text) = read(&arguments.file)?;
    let variable = |name: &str| std::env::var(name).ok();
    let rules = Rules { development: config.is_development(), variable: &variable };
    // Before the database is opened: a file with mistakes must touch nothing.
    let manifest = manifest::read(&text, &rules).map_err(|list| mistakes(&name, &list))?;
    for warning in &manifest.warnings {
        out::note(&format!("{name}:{warning} (warning)"));
    }
    let platform = open_platform(config, env).await?;
    let passwords = PasswordPool::start(&config.passwords, env)?;
    let options = Options { dry_run: arguments.dry_run, prune: arguments.prune };
    let applied = apply(&platform, &passwords, manifest, options).await;
    platform.stop().await;
    let applied = applied.map_err(|list| match list {
        Refused::Mistakes(list) => mistakes(&name, &list),
        Refused::Failed(e) => e,
    })?;
    match arguments.output {
        Output::Json => out::json(&applied.report)?,
        Output::Text => out::line(&applied.report.to_string())?,
    }
    match applied.failure {
        None => Ok(()),
        Some(e) => Err(e.context("what is listed above was done, the rest was not")),
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Refused {
    /// The manifest does not go together with what is there.
    Mistakes(Vec<Mistake>),
    /// The database failed.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Refused {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Applies a manifest.
///
/// # Errors
/// [`Refused`]: then nothing was done.
pub async fn apply(
    platform: &Platform,
    passwords: &PasswordPool,
    manifest: Manifest,
    options: Options,
) -> Result<Applied, Refused> {
    let how = How { development: platform.options().development, prune: options.prune };
    let (mut plans, mut wrong) = (Vec::new(), Vec::new());
    let (system, tenants): (Vec<_>, Vec<_>) =
        manifest.tenants.into_iter().partition(|entry| options.prune && entry.slug == SYSTEM_SLUG);
    wrong.extend(system.into_iter().map(|entry| {
        let message = "--prune would remove the operators: apply this tenant without it";
        Mistake { line: entry.line, path: "tenant.slug".to_owned(), message: message.into() }
    }));
    let read = async |entry| {
        let current = present::read(platform, &entry, options.prune).await;
        current.map(|current| (entry, current))
    };
    let mut present = pin!(stream::iter(tenants).map(read).buffered(execute::AT_A_TIME));
    while let Some((entry, current)) = present.try_next().await? {
        match plan(entry, current, how) {
            Ok(plan) => plans.push(plan),
            Err(list) => wrong.extend(list),
        }
    }
    if !wrong.is_empty() {
        return Err(Refused::Mistakes(wrong));
    }
    let mut report = Report { dry_run: options.dry_run, ..Report::default() };
    let mut failure = None;
    if options.dry_run {
        report.tenants = plans.iter().map(TenantReport::from).collect();
    } else {
        let actor = operator(platform.system_tenant().await?);
        let doing = Doing { platform, passwords, actor };
        failure = doing.run(plans, &mut report).await.err();
    }
    report.count();
    Ok(Applied { report, failure })
}

/// The file's name for messages, and its text.
fn read(file: &Path) -> anyhow::Result<(String, String)> {
    use std::io::Read as _;
    let name = if file == Path::new("-") { "(stdin)".into() } else { file.display().to_string() };
    let source: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("cannot read {name}"))?)
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_FILE {
        bail!("{name} is larger than 256 MiB: split it");
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        anyhow!("{name}:{line}: not UTF-8")
    })?;
    Ok((name, text))
}

fn mistakes(name: &str, list: &[Mistake]) -> anyhow::Error {
    let lines: Vec<_> = list.iter().map(|m| format!("{name}:{m}")).collect();
    let plural = if list.len() == 1 { "" } else { "s" };
    anyhow!("{}\n{} mistake{plural}; nothing was changed", lines.join("\n"), list.len())
}
