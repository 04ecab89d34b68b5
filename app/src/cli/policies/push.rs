//! `bailiwick policies push`: a folder becomes a draft of a tenant, and then what holds there.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::folder::Folder;
use super::note::Note;
use super::{Of, count, management, print};
use crate::cli::{Output, out};

/// The arguments of `policies push`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder
    folder: PathBuf,
    /// The issuer of the tenant
    #[arg(long, value_name = "ISSUER")]
    url: String,
    #[command(flatten)]
    of: Of,
    /// Makes it hold at once, when the server finds no error
    #[arg(long)]
    activate: bool,
    /// Why; kept with the version
    #[arg(long, default_value = "")]
    note: String,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Folder::read(&arguments.folder)?;
    if !folder.notes.is_empty() {
        print(&folder.notes)?;
        bail!("{} cannot be read: nothing was sent", arguments.folder.display());
    }
    let bundle = &folder.bundle;
    if bundle.schema.is_none() && bundle.policies.is_empty() {
        // The server would make a draft of what holds already.
        bail!("{} holds neither policies nor a schema", arguments.folder.display());
    }
    let api = management(&arguments.url)?;
    let held = api.get(&arguments.of.at("/policies")).await?;
    let mut draft = Map::new();
    draft.insert("name".to_owned(), name(&arguments.folder).into());
    draft.insert("note".to_owned(), arguments.note.clone().into());
    arguments.of.tell(&mut draft);
    if let Some(active) = held["active"].as_i64() {
        draft.insert("based_on".to_owned(), active.into());
    }
    if let Value::Object(bundle) = serde_json::to_value(bundle)? {
        draft.extend(bundle.into_iter().filter(|(_, value)| !value.is_null()));
    }
    let draft = api.post("/policies/drafts", None, &draft.into()).await?;
    let id = draft["id"].as_str().context("the server names no draft")?;
    let path = format!("/policies/drafts/{id}");
    let checked = api.post(&format!("{path}/validate"), None, &json!({})).await?;
    let found = checked["findings"].as_array().into_iter().flatten();
    let notes: Vec<Note> = found.filter_map(|f| Note::told(&arguments.folder, f)).collect();
    let valid = checked["valid"] == true;
    let mut activated = None;
    if valid && arguments.activate {
        let etag = format!("\"v{}\"", draft["version"].as_i64().unwrap_or(1));
        let body = json!({ "note": arguments.note });
        let done = api.post(&format!("{path}/activate"), Some(&etag), &body).await?;
        activated = done["number"].as_i64();
    }
    match arguments.output {
        Output::Json => out::json(&json!({
            "draft": id, "valid": valid, "findings": notes, "activated": activated,
        }))?,
        Output::Text => {
            print(&notes)?;
            out::line(&match activated {
                Some(number) => format!("version {number} holds at {}", arguments.url),
                None => format!("{id} is a draft at {}: it does not hold yet", arguments.url),
            })?;
        }
    }
    if !valid {
        let errors = notes.iter().filter(|note| note.is_error()).count();
        bail!("the server found {}: nothing was activated", count(errors, "error"));
    }
    Ok(())
}

/// What the draft is called: as its folder.
fn name(folder: &std::path::Path) -> String {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    name.chars().take(50).collect()
}
