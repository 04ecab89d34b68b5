//! What an entity may be: names, bounds and shapes.

use std::collections::BTreeSet;

use bailiwick_domain::application::Mistake;
use bailiwick_domain::authz::{PLATFORM_TYPES, is_entity_id, is_entity_type};
use bailiwick_policy::{EntityData, Uid};
use bailiwick_store::authz::objects::{EntityRef, ObjectData};

use crate::admin::problem::Problem;
use crate::admin::values;
use crate::cx::Cx;

/// The most entities that one is in directly.
const MOST_PARENTS: usize = 100;

/// An entity that somebody describes.
pub(super) struct Described {
    /// Where in the request: `put[3].`, or nothing.
    pub(super) at: String,
    /// It.
    pub(super) data: ObjectData,
}

/// Checks entities before they are written.
///
/// # Errors
/// Every mistake, with its place.
pub(super) async fn check_entities(cx: &Cx, described: &[Described]) -> Result<(), Problem> {
    let mut mistakes = Vec::new();
    for Described { at, data } in described {
        check_one(at, data, &mut mistakes);
        if mistakes.len() >= values::MOST_MISTAKES {
            break;
        }
    }
    if mistakes.is_empty() {
        fit(cx, described, &mut mistakes).await?;
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::mistakes(mistakes)) }
}

/// Whether policies can look at them: as the schema declares them, where the tenant is strict.
async fn fit(cx: &Cx, described: &[Described], mistakes: &mut Vec<Mistake>) -> Result<(), Problem> {
    let policies = cx.tenant.policies(&cx.view).await?;
    for Described { at, data } in described {
        let named = |uid: &EntityRef| Uid::new(&uid.kind, &uid.id);
        let parents: Result<Vec<Uid>, _> = data.parents.iter().map(named).collect();
        let (Ok(uid), Ok(parents)) = (named(&data.uid), parents) else {
            mistakes.push(Mistake::new(at.clone(), "has a name that no entity can have"));
            continue;
        };
        let (attrs, tags) = (data.attrs.clone(), data.tags.clone());
        let data = EntityData { uid, attrs, parents, tags };
        for fault in policies.snapshot.entity(&data).err().unwrap_or_default() {
            let path = fault.path.trim_start_matches('/').replace('/', ".");
            mistakes.push(Mistake::new(format!("{at}{path}"), fault.message));
        }
        if mistakes.len() >= values::MOST_MISTAKES {
            break;
        }
    }
    Ok(())
}

fn check_one(at: &str, data: &ObjectData, mistakes: &mut Vec<Mistake>) {
    check_name(at, &data.uid, mistakes);
    if data.parents.len() > MOST_PARENTS {
        mistakes.push(Mistake::new(format!("{at}parents"), "must be at most 100"));
    }
    let mut seen = BTreeSet::new();
    for (n, parent) in data.parents.iter().enumerate().take(MOST_PARENTS) {
        let place = format!("{at}parents[{n}]");
        if !is_entity_type(&parent.kind) {
            mistakes.push(Mistake::new(format!("{place}.type"), TYPE));
        }
        if !is_entity_id(&parent.id) {
            mistakes.push(Mistake::new(format!("{place}.id"), ID));
        }
        if *parent == data.uid {
            mistakes.push(Mistake::new(place, "nothing is in itself"));
        } else if !seen.insert(parent) {
            mistakes.push(Mistake::new(place, "is given more than once"));
        }
    }
    values::check(&format!("{at}attrs"), &data.attrs, mistakes);
    values::check(&format!("{at}tags"), &data.tags, mistakes);
}

const TYPE: &str = "must be a name of Cedar: identifiers joined by ::, at most 200 bytes, none of \
     them a reserved word, and the last not Action";
const ID: &str = "must be 1 to 512 bytes without control characters";

/// Checks the name of an entity of the tenant's own.
pub(super) fn check_name(at: &str, uid: &EntityRef, mistakes: &mut Vec<Mistake>) {
    if PLATFORM_TYPES.contains(&uid.kind.as_str()) {
        let message =
            format!("{} is what the platform knows by itself: it has no entities here", uid.kind);
        mistakes.push(Mistake::new(format!("{at}type"), message));
    } else if !is_entity_type(&uid.kind) {
        mistakes.push(Mistake::new(format!("{at}type"), TYPE));
    }
    if !is_entity_id(&uid.id) {
        mistakes.push(Mistake::new(format!("{at}id"), ID));
    }
}
