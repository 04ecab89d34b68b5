//! `bailiwick policies`: policies that are kept as files, with their tests.

use std::path::PathBuf;

use anyhow::bail;
use bailiwick_domain::OrganizationId;
use bailiwick_outbound::Management;
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Output, out};

mod check;
mod compare;
mod folder;
mod note;
mod push;
mod test;

/// The arguments of `policies`.
#[derive(Debug, Args)]
#[command(after_help = "A folder holds:
  *.cedar             policies and templates, also in folders below
  schema.cedarschema  the schema, without what the platform declares itself
  links.json          policies made of templates: [{\"id\", \"template\", \"principal\", \"resource\"}]
  roles.json          roles that cases are decided with: [{\"name\", \"permissions\"}]
  entities.json       entities that cases are decided with
  cases.json          what is asked, and what must come out

Nothing but one of these needs to be there. docs/guides/policies-as-code.md has the whole procedure.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with a folder of policies
    #[command(after_help = "Examples:
  bailiwick policies validate policies/
  bailiwick policies validate policies/ --output json

With a schema everything must fit it, as in a tenant whose settings.authz.mode is strict. Nothing
is opened and nobody is asked. Ends with exit code 1 when there are errors.")]
    Validate(Checked),
    /// Decides the cases of a folder, and says which come out otherwise
    #[command(after_help = "Examples:
  bailiwick policies test policies/
  bailiwick policies test policies/ --output json

A case of cases.json:
  {\"name\": \"editors edit\", \"principal\": {\"type\": \"User\", \"id\": \"ada\"}, \"action\": \"edit\",
   \"resource\": {\"type\": \"Document\", \"id\": \"7\"}, \"context\": {}, \"expect\": \"allow\",
   \"policies\": [\"editors\"]}
`context` and `policies`, the ids of those that decide, may be absent. Policies that decided none of
the cases are listed. Nothing is opened and nobody is asked. Ends with exit code 1 when a case comes
out otherwise.")]
    Test(Checked),
    /// Says what is different between two folders, or between a server and a folder
    #[command(after_help = "Examples:
  bailiwick policies diff before/ after/
  BAILIWICK_API_KEY=... bailiwick policies diff policies/ --url https://id.example.com/t/acme

With --url: what pushing and activating the folder would change of what holds there now: in the
whole tenant, with --organization in one of its organizations, with --management in its management
API.")]
    Diff {
        /// The folder; or two, the older first
        #[arg(value_name = "FOLDER", required = true, num_args = 1..=2)]
        folders: Vec<PathBuf>,
        /// The issuer of a tenant, whose policies are compared with the folder
        #[arg(long, value_name = "ISSUER")]
        url: Option<String>,
        #[command(flatten)]
        of: Of,
        /// How to print the result
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Sends a folder to a tenant as a draft, and activates it when asked to
    #[command(after_help = "Examples:
  BAILIWICK_API_KEY=... bailiwick policies push policies/ --url https://id.example.com/t/acme
  BAILIWICK_API_KEY=... bailiwick policies push policies/ --url https://id.example.com/t/acme \\
    --activate --note \"Editors may delete (change 1812)\"

With --organization they are for one of its organizations, with --management for its management API.
Schema, policies and links are sent; roles, entities and cases stay here. The server says what it
finds, by its own roles and its own mode. Ends with exit code 1 when it finds errors: then nothing
is activated, and the draft is there to look at.")]
    Push(push::Arguments),
}

/// What is checked, and how.
#[derive(Debug, Args)]
struct Checked {
    /// The folder
    folder: PathBuf,
    /// What does not fit the schema is a warning
    #[arg(long)]
    permissive: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// What policies at a server are for; for the whole tenant when nothing is said.
#[derive(Debug, Args)]
struct Of {
    /// Those of one of its organizations
    #[arg(long, value_name = "ORG_ID", requires = "url")]
    organization: Option<OrganizationId>,
    /// Those of its management API
    #[arg(long, conflicts_with = "organization", requires = "url")]
    management: bool,
}

impl Of {
    /// A path of the API, for these.
    fn at(&self, path: &str) -> String {
        match (&self.organization, self.management) {
            (Some(id), _) => format!("{path}?organization={id}"),
            (None, true) => format!("{path}?layer=management"),
            (None, false) => path.to_owned(),
        }
    }

    /// Says so in a draft.
    fn tell(&self, draft: &mut Map<String, Value>) {
        if let Some(id) = &self.organization {
            draft.insert("organization".to_owned(), id.to_string().into());
        } else if self.management {
            draft.insert("layer".to_owned(), "management".into());
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When something is wrong with the policies, when a case comes out otherwise, and when the server
/// refuses.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Validate(checked) => check::run(checked),
        Command::Test(checked) => test::run(checked),
        Command::Diff { folders, url, of, output } => {
            compare::run(folders, url.as_deref().map(|url| (url, of)), *output).await
        }
        Command::Push(arguments) => push::run(arguments).await,
    }
}

/// The management API of a tenant, with the key of the environment: arguments are seen by everybody
/// on the machine.
fn management(issuer: &str) -> anyhow::Result<Management> {
    let key = std::env::var("BAILIWICK_API_KEY").unwrap_or_default();
    if key.trim().is_empty() {
        bail!("set BAILIWICK_API_KEY to a key of the management API of {issuer}");
    }
    Ok(Management::new(issuer, SecretString::from(key.trim().to_owned()))?)
}

/// `1 error`, `2 errors`.
fn count(n: usize, what: &str) -> String {
    let ending = match what.strip_suffix('y') {
        _ if n == 1 => return format!("1 {what}"),
        Some(stem) => return format!("{n} {stem}ies"),
        None => "s",
    };
    format!("{n} {what}{ending}")
}

/// Prints findings, each with its help below it.
fn print(notes: &[note::Note]) -> anyhow::Result<()> {
    for note in notes {
        out::line(&note.to_string())?;
    }
    Ok(())
}
