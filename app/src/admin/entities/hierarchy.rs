//! What is in what: nothing is in itself, however far up.
//!
//! Only entities of the tenant's own are looked at: what the platform knows is in nothing of
//! theirs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bailiwick_domain::TenantId;
use bailiwick_domain::authz::PLATFORM_TYPES;
use bailiwick_store::TenantTx;
use bailiwick_store::authz::{
    self,
    objects::{self, EntityRef},
};

use super::check::Described;
use crate::admin::problem::Problem;

/// The most entities that one may be in, directly and above.
const MOST_ANCESTORS: usize = 1_000;
/// The most entities that are looked at above those of one request.
const MOST_READ: usize = 10_000;
/// How many of a long cycle are named.
const MOST_NAMED: usize = 6;

type Parents = BTreeMap<EntityRef, Vec<EntityRef>>;

/// Checks that nothing comes to be in itself by these writes, of which no other of the tenant
/// changes anything until the transaction ends.
///
/// # Errors
/// 400 with the cycle, or when there are too many above one.
pub(super) async fn check(
    tx: &TenantTx,
    tenant: TenantId,
    written: &[Described],
    removed: &BTreeSet<EntityRef>,
) -> Result<(), Problem> {
    if written.iter().all(|it| own(&it.data.parents).next().is_none()) {
        return Ok(());
    }
    authz::lock(tx, tenant).await?;
    let mut known: Parents = removed.iter().map(|uid| (uid.clone(), Vec::new())).collect();
    for it in written {
        known.insert(it.data.uid.clone(), own(&it.data.parents).cloned().collect());
    }
    let mut read = 0;
    loop {
        let asked: BTreeSet<EntityRef> =
            known.values().flatten().filter(|uid| !known.contains_key(uid)).cloned().collect();
        if asked.is_empty() {
            break;
        }
        read += asked.len();
        if read > MOST_READ {
            let message = "there are more than 10,000 entities above these";
            return Err(Problem::mistake("", message));
        }
        let mut found = objects::parents_of(tx, tenant, &asked).await?;
        for uid in asked {
            let parents = found.remove(&uid).unwrap_or_default();
            known.insert(uid, own(&parents).cloned().collect());
        }
    }
    for it in written {
        let path = format!("{}parents", it.at);
        climb(&it.data.uid, &known).map_err(|message| Problem::mistake(path, message))?;
    }
    Ok(())
}

fn own(parents: &[EntityRef]) -> impl Iterator<Item = &EntityRef> {
    parents.iter().filter(|uid| !PLATFORM_TYPES.contains(&uid.kind.as_str()))
}

/// Goes up from an entity, the nearest first.
fn climb(start: &EntityRef, known: &Parents) -> Result<(), String> {
    // Each with the one below it that it was reached from.
    let mut below: BTreeMap<&EntityRef, &EntityRef> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(uid) = next.pop_front() {
        for parent in known.get(uid).into_iter().flatten() {
            if parent == start {
                return Err(named(start, uid, &below));
            }
            if below.contains_key(parent) {
                continue;
            }
            if below.len() == MOST_ANCESTORS {
                return Err("it would be in more than 1,000 entities".to_owned());
            }
            below.insert(parent, uid);
            next.push_back(parent);
        }
    }
    Ok(())
}

/// The cycle from an entity up to `last`, which is in it.
fn named(start: &EntityRef, last: &EntityRef, below: &BTreeMap<&EntityRef, &EntityRef>) -> String {
    let mut way = vec![last];
    let mut uid = last;
    while let Some(lower) = below.get(uid) {
        way.push(lower);
        uid = lower;
    }
    let shown = |uid: &EntityRef| format!("{}::\"{}\"", uid.kind, uid.id.escape_debug());
    // `last` came first, and the start last.
    let mut names: Vec<String> = way.iter().rev().map(|uid| shown(uid)).collect();
    if names.len() > MOST_NAMED {
        let left_out = names.len() - MOST_NAMED;
        names.truncate(MOST_NAMED);
        names.push(format!("{left_out} more"));
    }
    names.push(shown(start));
    format!("nothing can be in itself: {}", names.join(" is in "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(id: &str) -> EntityRef {
        EntityRef { kind: "F".into(), id: id.into() }
    }

    fn graph(edges: &[(&str, &[&str])]) -> Parents {
        let parents = |list: &[&str]| list.iter().map(|id| uid(id)).collect();
        edges.iter().map(|(id, list)| (uid(id), parents(list))).collect()
    }

    #[test]
    fn a_cycle_is_named() {
        let tree = graph(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]);
        assert_eq!(climb(&uid("a"), &tree), Ok(()));
        let cycle = graph(&[("a", &["x", "b"]), ("b", &["c\""]), ("c\"", &["a"]), ("x", &[])]);
        let message = climb(&uid("a"), &cycle).unwrap_err();
        let wanted = r#"F::"a" is in F::"b" is in F::"c\"" is in F::"a""#;
        assert!(message.ends_with(wanted), "{message}");
        // One that does not lead back here was there before, and is not this one's.
        let above = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(climb(&uid("a"), &above), Ok(()));
    }

    #[test]
    fn heights_have_a_bound() {
        let chain = |n: usize| -> Parents {
            (0..n).map(|i| (uid(&i.to_string()), vec![uid(&(i + 1).to_string())])).collect()
        };
        assert_eq!(climb(&uid("0"), &chain(1_000)), Ok(()));
        assert!(climb(&uid("0"), &chain(1_001)).unwrap_err().contains("1,000"));
        let mut ring = chain(900);
        ring.insert(uid("900"), vec![uid("0")]);
        let message = climb(&uid("0"), &ring).unwrap_err();
        assert!(message.contains("895 more") && message.len() < 300, "{message}");
    }
}
