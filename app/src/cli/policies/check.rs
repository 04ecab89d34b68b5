//! `bailiwick policies validate`: what is wrong with a folder.

use std::collections::BTreeSet;

use anyhow::bail;
use bailiwick_policy::{Bundle, LayerKind, Mode, Snapshot, compile};
use serde_json::json;

use super::folder::Folder;
use super::note::{ENTITIES, Note};
use super::{Checked, count, print};
use crate::cli::{Output, out};

/// A folder that was looked through.
pub(super) struct Judged {
    pub(super) folder: Folder,
    pub(super) mode: Mode,
    /// What decides, when nothing is wrong with it.
    pub(super) snapshot: Option<Snapshot>,
    /// Everything that was found.
    pub(super) notes: Vec<Note>,
}

impl Judged {
    /// Looks through a folder.
    pub(super) fn of(mut folder: Folder, permissive: bool) -> Self {
        let strict = folder.bundle.schema.is_some() && !permissive;
        let mode = if strict { Mode::Strict } else { Mode::Permissive };
        let mut notes = std::mem::take(&mut folder.notes);
        let (snapshot, found) = match compile(bundle(&folder), &folder.roles, mode) {
            Ok((snapshot, warnings)) => (Some(snapshot), warnings),
            Err(found) => (None, found),
        };
        notes.extend(found.into_iter().map(|finding| Note::found(&folder.path, finding)));
        let mut seen = BTreeSet::new();
        for data in &folder.entities {
            let wrong =
                |what: String| Note::error(&folder.path, ENTITIES, format!("{}: {what}", data.uid));
            if !seen.insert(&data.uid) {
                notes.push(wrong("is there more than once".to_owned()));
            }
            if let Some(Err(faults)) = snapshot.as_ref().map(|snapshot| snapshot.entity(data)) {
                notes.extend(faults.iter().map(|fault| wrong(fault.to_string())));
            }
        }
        Self { mode, snapshot, notes, folder }
    }

    pub(super) fn errors(&self) -> usize {
        self.notes.iter().filter(|note| note.is_error()).count()
    }

    pub(super) fn mode(&self) -> &'static str {
        match self.mode {
            Mode::Strict => "strict",
            Mode::Permissive => "permissive",
        }
    }

    /// How many policies the folder makes, with those of links.
    fn policies(&self) -> usize {
        let all = self.snapshot.iter().flat_map(Snapshot::policies);
        all.filter(|policy| policy.layer == LayerKind::Tenant).count()
    }
}

fn bundle(folder: &Folder) -> Option<&Bundle> {
    (folder.bundle != Bundle::default()).then_some(&folder.bundle)
}

/// Runs the command.
pub(super) fn run(arguments: &Checked) -> anyhow::Result<()> {
    let judged = Judged::of(Folder::read(&arguments.folder)?, arguments.permissive);
    let errors = judged.errors();
    match arguments.output {
        Output::Json => out::json(&json!({
            "valid": errors == 0,
            "mode": judged.mode,
            "policies": judged.policies(),
            "entities": judged.folder.entities.len(),
            "cases": judged.folder.cases.len(),
            "findings": judged.notes,
        }))?,
        Output::Text => {
            print(&judged.notes)?;
            if errors == 0 {
                let (policies, entities) = (judged.policies(), judged.folder.entities.len());
                out::line(&format!(
                    "{}: {} and {} are valid ({})",
                    arguments.folder.display(),
                    count(policies, "policy"),
                    count(entities, "entity"),
                    judged.mode(),
                ))?;
            }
        }
    }
    if errors > 0 {
        bail!("{} in {}", count(errors, "error"), arguments.folder.display());
    }
    Ok(())
}
