//! What an entity may be: names, bounds and shapes.

use std::collections::BTreeSet;

use bailiwick_domain::application::Mistake;
use bailiwick_domain::authz::{PLATFORM_TYPES, is_entity_id, is_entity_type};
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
pub(super) fn check_entities(_: &Cx, described: &[Described]) -> Result<(), Problem> {
    let mut mistakes = Vec::new();
    for Described { at, data } in described {
        check_one(at, data, &mut mistakes);
        if mistakes.len() >= values::MOST_MISTAKES {
            break;
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::mistakes(mistakes)) }
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
