//! `bailiwick policies test`: whether a folder decides its cases as they should be.

use std::collections::BTreeSet;

use anyhow::bail;
use bailiwick_policy::suite::{self, Outcome};
use bailiwick_policy::{LayerKind, Snapshot};
use serde_json::json;

use super::check::Judged;
use super::folder::Folder;
use super::note::CASES;
use super::{Checked, count, print};
use crate::cli::{Output, out};

/// Runs the command.
pub(super) fn run(arguments: &Checked) -> anyhow::Result<()> {
    let judged = Judged::of(Folder::read(&arguments.folder)?, arguments.permissive);
    let Judged { folder, snapshot, notes, .. } = &judged;
    let name = arguments.folder.display();
    let (Some(snapshot), 0) = (snapshot, judged.errors()) else {
        match arguments.output {
            Output::Json => out::json(&json!({ "valid": false, "findings": notes }))?,
            Output::Text => print(notes)?,
        }
        bail!("{} in {name}: no case was decided", count(judged.errors(), "error"));
    };
    if folder.cases.is_empty() {
        bail!("{name} has no {CASES}, or it is empty");
    }
    let outcomes = suite::run(snapshot, &folder.entities, &folder.cases);
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    let untouched = untouched(snapshot, &outcomes);
    match arguments.output {
        Output::Json => out::json(&json!({
            "valid": true,
            "passed": outcomes.len() - failed.len(),
            "failed": failed.len(),
            "outcomes": outcomes,
            "untouched_policies": untouched,
            "findings": notes,
        }))?,
        Output::Text => {
            print(notes)?;
            for outcome in &failed {
                out::line(&format!("FAILED  {}", outcome.name.escape_debug()))?;
                for problem in &outcome.problems {
                    out::line(&format!("        {problem}"))?;
                }
            }
            let passed = outcomes.len() - failed.len();
            out::line(&format!("{name}: {passed} passed, {} failed", failed.len()))?;
            if !untouched.is_empty() {
                out::line(&format!("no case is decided by: {}", untouched.join(", ")))?;
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {name} came out otherwise", count(failed.len(), "case"));
    }
    Ok(())
}

/// The folder's own policies that decided nothing: those generated for roles are not its own.
fn untouched(snapshot: &Snapshot, outcomes: &[Outcome]) -> Vec<String> {
    let decisions = outcomes.iter().filter_map(|outcome| outcome.decision.as_ref());
    let reasons = decisions.flat_map(|decision| &decision.policies);
    let touched: BTreeSet<&str> = reasons.map(|reason| reason.id.as_ref()).collect();
    let own = snapshot.policies().filter(|policy| policy.layer == LayerKind::Tenant);
    let left = own.filter(|policy| !touched.contains(policy.id.as_ref()));
    left.map(|policy| policy.id.escape_debug().to_string()).collect()
}
