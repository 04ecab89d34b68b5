//! `bailiwick policies diff`: what is different between two folders, or a server and a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bailiwick_policy::management::defaults;
use bailiwick_policy::{Bundle, Change, Difference, TextChange, diff};

use super::folder::Folder;
use super::{Of, management, print};
use crate::cli::{Output, out};

/// Runs the command.
pub(super) async fn run(
    folders: &[PathBuf],
    server: Option<(&str, &Of)>,
    output: Output,
) -> anyhow::Result<()> {
    let (old, new) = match (folders, server) {
        ([folder], Some((url, of))) => {
            let new = read(folder)?;
            (held(url, of).await?, new)
        }
        ([old, new], None) => (read(old)?, read(new)?),
        ([_], None) => bail!("name a second folder, or the server with --url"),
        _ => bail!("with --url name one folder"),
    };
    let found = diff(&old, &new);
    match output {
        Output::Json => out::json(&found),
        Output::Text => Ok(out::line(shown(&found).trim_end())?),
    }
}

fn read(folder: &Path) -> anyhow::Result<Bundle> {
    let read = Folder::read(folder)?;
    if !read.notes.is_empty() {
        print(&read.notes)?;
        bail!("{} cannot be read", folder.display());
    }
    Ok(read.bundle)
}

/// What holds at a server.
async fn held(url: &str, of: &Of) -> anyhow::Result<Bundle> {
    let api = management(url)?;
    let policies = api.get(&of.at("/policies")).await?;
    let Some(number) = policies["active"].as_i64() else {
        return Ok(if of.management { defaults() } else { Bundle::default() });
    };
    let mut version = api.get(&of.at(&format!("/policies/versions/{number}"))).await?;
    serde_json::from_value(version["bundle"].take())
        .with_context(|| format!("version {number} at {url} is of another format"))
}

fn shown(found: &Difference) -> String {
    if found.is_empty() {
        return "nothing is different".to_owned();
    }
    let schema = found.schema.iter().map(|change| section("schema", change));
    let policies = found.policies.iter().map(|change| section("policy", change));
    let links = found.links.iter().map(|change| section("link", change));
    schema.chain(policies).chain(links).collect::<Vec<_>>().join("\n")
}

fn section(what: &str, changed: &TextChange) -> String {
    let TextChange { id, file, change, diff } = changed;
    let change = match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    let name = match what {
        "schema" => what.to_owned(),
        _ => format!("{what} {}", id.escape_debug()),
    };
    let place = file.as_ref().map_or_else(String::new, |file| format!(" ({file})"));
    format!("{change}: {name}{place}\n{diff}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_difference_is_told_by_policy() {
        let bundle = |schema: &str, text: &str| Bundle {
            schema: Some(schema.to_owned()),
            policies: BTreeMap::from([("a.cedar".to_owned(), text.to_owned())]),
            links: Vec::new(),
        };
        let old = bundle("entity A;\n", "@id(\"x\")\npermit (principal, action, resource);");
        let new = bundle("entity B;\n", "@id(\"y\")\npermit (principal, action, resource);");
        let shown = shown(&diff(&old, &new));
        let heads: Vec<_> = shown.lines().filter(|line| line.contains("ed: ")).collect();
        assert_eq!(
            heads,
            ["changed: schema", "removed: policy x (a.cedar)", "added: policy y (a.cedar)"]
        );
        assert!(shown.contains("\n-entity A;\n+entity B;\n"), "{shown}");
        assert_eq!(super::shown(&diff(&old, &old)), "nothing is different");
    }
}
