//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use bailiwick_domain::Env;
use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{Config, Role};
use crate::{openapi, server, telemetry};

pub mod apply;
pub mod check_config;
pub mod init;
mod keys;
pub mod manifest;
mod migrate;
pub(crate) mod out;
mod policies;

/// Multi-tenant identity platform: OpenID Connect and OAuth 2 for your applications, in one binary.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Start:
  bailiwick serve                          serve from ./data at http://localhost:8080
  bailiwick init                           create the first operator and its API key
  bailiwick apply -f examples/demo.yaml    create a tenant with applications and users

Every setting is in the default file (bailiwick check-config --defaults) and can be set in the
environment: BAILIWICK_PUBLIC_URL, BAILIWICK_LISTEN, BAILIWICK_DATA_DIR, BAILIWICK_DATABASE_URL,
BAILIWICK_MODE, BAILIWICK_LOG; nested keys with two underscores, as BAILIWICK_PASSWORDS__QUEUE."
)]
pub struct Cli {
    /// Configuration file; the environment wins over it
    #[arg(long, global = true, env = "BAILIWICK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it gets SIGTERM or SIGINT
    #[command(after_help = "Examples:
  BAILIWICK_DATA_DIR=dir BAILIWICK_LISTEN=127.0.0.1:8080 \\
    BAILIWICK_PUBLIC_URL=http://127.0.0.1:8080 bailiwick serve
  bailiwick --config /etc/bailiwick.toml serve

On an empty folder the embedded database and the master key are created. The embedded database is
migrated at the start, after a copy; PostgreSQL never is: run `bailiwick migrate` first. Logs are
JSON lines on standard error. /health/live and /health/ready answer on every host.

Several processes may serve one PostgreSQL; they need no names and no list of each other. On SIGTERM
a process says at /health/ready that it is stopping, finishes what it has accepted and ends.")]
    Serve {
        /// What this process does; wins over the configuration
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    /// Creates the first operator and prints a key of the management API, once
    Init(init::Arguments),
    /// Makes tenants, applications and users as a file says
    Apply(apply::Arguments),
    /// Brings the database to this version's schema
    #[command(after_help = "Examples:
  bailiwick migrate
  BAILIWICK_DATABASE_URL=postgres://bailiwick_app@db/bailiwick \\
    BAILIWICK_DATABASE_SYSTEM_URL=postgres://bailiwick_system@db/bailiwick \\
    BAILIWICK_DATABASE_OWNER_URL=postgres://bailiwick_owner@db/bailiwick bailiwick migrate

PostgreSQL is migrated as the owner of the tables, in one transaction, under a lock: several may
start it at once. The embedded database is copied first, to <file>.before-v<N>. When nothing is to
be done, nothing is.")]
    Migrate,
    /// Lists, rotates and revokes the signing keys of a tenant
    Keys(keys::Arguments),
    /// Checks, tests, compares and sends policies that are kept as files
    Policies(policies::Arguments),
    /// Says whether the configuration works, and what it is
    CheckConfig(check_config::Arguments),
    /// Prints the OpenAPI document of the HTTP APIs, as JSON
    #[command(after_help = "Example:
  bailiwick openapi > openapi.json

A running server gives the same at /openapi.json, and for people at /docs.")]
    Openapi,
}

/// How to print a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For tools.
    Json,
}

/// Runs the program and says how it ended. A failure is printed once, in plain words.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match actix_web::rt::System::new().block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if is_closed_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            out::note(&format!("bailiwick: {e:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let (file, env) = (cli.config.as_deref(), Env::system());
    match &cli.command {
        Command::Openapi => return out::json(&openapi::document()),
        Command::CheckConfig(arguments) => return check_config::run(file, arguments),
        Command::Policies(arguments) => return policies::run(arguments).await,
        _ => {}
    }
    let mut config = Config::load(file)?;
    match &cli.command {
        Command::Serve { role } => {
            config.set_role(*role)?;
            telemetry::init(&config.log)?;
            return server::serve(config, env).await;
        }
        // The other commands print their own results: of the log, only what went wrong.
        _ => telemetry::init("error")?,
    }
    match &cli.command {
        Command::Init(arguments) => init::run(&config, &env, arguments).await,
        Command::Apply(arguments) => apply::run(&config, &env, arguments).await,
        Command::Keys(arguments) => keys::run(&config, &env, arguments).await,
        Command::Migrate => migrate::run(&config, &env).await,
        Command::Serve { .. }
        | Command::CheckConfig(_)
        | Command::Policies(_)
        | Command::Openapi => Ok(()),
    }
}

/// `bailiwick openapi | head` is not a failure.
fn is_closed_pipe(e: &anyhow::Error) -> bool {
    let io = e.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
