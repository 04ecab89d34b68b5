//! The policies of one organization of a tenant. They reach what is in the organization, and
//! nothing else.

use std::collections::BTreeMap;

use cedar_policy::pst::StaticPolicy;
use cedar_policy::{Policy, PolicySet};

use crate::finding::{any_error, sort};
use crate::layer::Prepared;
use crate::parse::{Body, Item};
use crate::stack::roomy;
use crate::validate::validate;
use crate::{Bundle, Finding, Layer, LayerKind, PolicyInfo, Snapshot, Uid};

/// Compiles the policies of an organization. Each of them gets the condition that the resource is
/// in the organization.
///
/// # Errors
/// Everything that is wrong, with its place: also templates, and in strict mode what does not fit
/// the tenant's schema.
pub fn organization_layer(
    snapshot: &Snapshot,
    organization: &Uid,
    policies: &BTreeMap<String, String>,
) -> Result<Layer, Vec<Finding>> {
    roomy(|| assemble(snapshot, organization, policies))
}

fn assemble(
    snapshot: &Snapshot,
    organization: &Uid,
    policies: &BTreeMap<String, String>,
) -> Result<Layer, Vec<Finding>> {
    let bundle = Bundle { policies: policies.clone(), ..Bundle::default() };
    let (items, mut found) = crate::compile::items(&bundle);
    let mut checked = PolicySet::new();
    let mut prepared = Vec::new();
    for item in &items {
        let text = policies.get(&item.file).map_or("", String::as_str);
        let wrong = |message: String| {
            Finding::new(&item.file, message).policy(&item.id).at(text, item.start)
        };
        let Body::Policy(policy) = &item.body else {
            found.push(wrong("the policies of an organization are no templates".to_owned()));
            continue;
        };
        checked.add(policy.clone()).expect("the ids are unique");
        match confined(item, policy, organization) {
            Ok(one) => prepared.push(one),
            Err(message) => found.push(wrong(message)),
        }
    }
    if let Some(schema) = &snapshot.schema {
        found.extend(validate(schema, snapshot.mode, &checked, &items, &bundle));
    }
    sort(&mut found);
    if any_error(&found) {
        return Err(found);
    }
    Ok(Layer::new(prepared))
}

/// The policy with one more condition. It is put into its tree: whatever its text looks like, it
/// cannot hide the condition.
fn confined(item: &Item, policy: &Policy, organization: &Uid) -> Result<Prepared, String> {
    let condition =
        format!("permit (principal, action, resource) when {{ resource in {organization} }};");
    let condition = Policy::parse(None, condition).map_err(|e| e.to_string())?;
    let condition = condition.to_pst().map_err(|e| e.to_string())?;
    let body = policy.to_pst().map_err(|e| e.to_string())?.body().clone();
    let clauses: Vec<_> =
        condition.body().clauses().iter().chain(body.clauses()).cloned().collect();
    let body = body.try_with_clauses(clauses).map_err(|e| e.to_string())?;
    let body = StaticPolicy::try_from(body).map_err(|e| e.to_string())?;
    let policy = Policy::from_pst(body.into()).map_err(|e| e.to_string())?;
    let text = policy.to_cedar().ok_or("it cannot be written as text")?;
    let info = PolicyInfo { text: text.into(), ..item.info(LayerKind::Organization) };
    let mut reach = item.reach();
    reach.levels = reach.levels.max(1);
    Ok(Prepared { info, policy, link: None, referring: None, reach })
}
