//! Test cases for policies, as a tenant keeps them beside the policies.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Decision, EntityData, Fault, Loaded, Slice, Snapshot, Uid};

/// A request, with the decision that it should have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is tested.
    pub name: String,
    /// Who asks.
    pub principal: Uid,
    /// What it wants to do: the id of an action, or `Ns::Action::"id"`.
    pub action: String,
    /// To what.
    pub resource: Uid,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// Entities of this case. They stand in for shared ones with the same reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityData>,
    /// The decision that is right.
    pub expect: Expect,
    /// The ids of the policies that should decide, and no others; any do when this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
}

/// The decision that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
}

impl Expect {
    fn of(allowed: bool) -> Self {
        if allowed { Self::Allow } else { Self::Deny }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The name of the case.
    pub name: String,
    /// Whether everything is as expected.
    pub passed: bool,
    /// What is not, in plain words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What was decided; none when the request or an entity is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// Decides every case by the policies and roles of a snapshot, over the entities of the case and
/// those that all cases share.
#[must_use]
pub fn run(snapshot: &Snapshot, shared: &[EntityData], cases: &[Case]) -> Vec<Outcome> {
    let shared = load(snapshot, shared, "shared entities");
    let outcome = |case: &Case| {
        let decided = match &shared {
            Ok(shared) => decide(snapshot, shared, case),
            Err(problems) => Err(problems.clone()),
        };
        let (problems, decision) = match decided {
            Ok(decision) => (differences(case, &decision), Some(decision)),
            Err(problems) => (problems, None),
        };
        Outcome { name: case.name.clone(), passed: problems.is_empty(), problems, decision }
    };
    cases.iter().map(outcome).collect()
}

fn load(
    snapshot: &Snapshot,
    entities: &[EntityData],
    what: &str,
) -> Result<Vec<Loaded>, Vec<String>> {
    let (mut loaded, mut problems) = (Vec::new(), Vec::new());
    for data in entities {
        match snapshot.entity(data) {
            Ok(one) => loaded.push(one),
            Err(faults) => {
                let problem = |fault: Fault| format!("{what}: {}: {fault}", data.uid);
                problems.extend(faults.into_iter().map(problem));
            }
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

fn decide(snapshot: &Snapshot, shared: &[Loaded], case: &Case) -> Result<Decision, Vec<String>> {
    let own = load(snapshot, &case.entities, "entities")?;
    let (principal, resource) = (case.principal.clone(), case.resource.clone());
    let query = snapshot
        .query(principal, &case.action, resource, case.context.clone())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    // The first of several counts.
    let slice = Slice::new(own.iter().chain(shared)).map_err(|fault| vec![fault.to_string()])?;
    Ok(snapshot.decide(&query, &slice, &[]))
}

fn differences(case: &Case, decision: &Decision) -> Vec<String> {
    let mut problems = Vec::new();
    let found = Expect::of(decision.allowed);
    let names: Vec<&str> = decision.policies.iter().map(|reason| &*reason.id).collect();
    let list = |names: &[&str]| match names {
        [] => "no policy".to_owned(),
        names => names.iter().map(|n| n.escape_debug().to_string()).collect::<Vec<_>>().join(", "),
    };
    if found != case.expect {
        let errors = decision.errors.iter();
        let errors: String =
            errors.map(|e| format!("; {}: {}", e.policy.escape_debug(), e.message)).collect();
        problems.push(format!(
            "expected {}, got {} by {}{errors}",
            case.expect.name(),
            found.name(),
            list(&names),
        ));
    }
    if let Some(wanted) = &case.policies {
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        if wanted != names {
            let message = format!("expected {} to decide, got {}", list(&wanted), list(&names));
            problems.push(message);
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compile::tests::bundle;
    use crate::{Mode, compile};

    fn outcomes(cases: Value) -> Vec<Outcome> {
        let schema = "entity Document = { owner: User };
            action view appliesTo { principal: User, resource: Document };";
        let text = "@id(\"own\") permit(principal, action, resource)
            when { resource.owner == principal };";
        let bundle = bundle(Some(schema), &[("a.cedar", text)]);
        let (snapshot, _) = compile(Some(&bundle), &[], Mode::Strict).unwrap();
        let shared: Vec<EntityData> = serde_json::from_value(json!([
            { "type": "Document", "id": "d", "attrs": { "owner": { "type": "User", "id": "a" } } },
        ]))
        .unwrap();
        let cases: Vec<Case> = serde_json::from_value(cases).unwrap();
        run(&snapshot, &shared, &cases)
    }

    #[test]
    fn cases_say_what_is_not_as_expected() {
        let (a, b) = (json!({ "type": "User", "id": "a" }), json!({ "type": "User", "id": "b" }));
        let d = json!({ "type": "Document", "id": "d" });
        let mine = json!({ "type": "Document", "id": "d", "attrs": { "owner": b } });
        let found = outcomes(json!([
            { "name": "owner", "principal": a, "action": "view", "resource": d, "expect": "allow",
              "policies": ["own"] },
            { "name": "other", "principal": b, "action": "view", "resource": d, "expect": "deny",
              "policies": [] },
            { "name": "stands in", "principal": b, "action": "view", "resource": d,
              "entities": [mine], "expect": "allow" },
            { "name": "wrong", "principal": a, "action": "view", "resource": d, "expect": "deny",
              "policies": ["x"] },
            { "name": "unknown", "principal": a, "action": "veiw", "resource": d,
              "expect": "deny" },
            { "name": "broken", "principal": a, "action": "view", "resource": d, "expect": "deny",
              "entities": [{ "type": "Document", "id": "e" }] },
        ]));
        let passed: Vec<bool> = found.iter().map(|outcome| outcome.passed).collect();
        assert_eq!(passed, [true, true, true, false, false, false], "{found:#?}");
        assert_eq!(
            found[3].problems,
            ["expected deny, got allow by own", "expected x to decide, got own"]
        );
        assert!(found[4].problems[0].ends_with("did you mean `view`?"), "{found:#?}");
        let missing = "entities: Document::\"e\": /attrs/owner: this is missing";
        assert!(found[5].problems[0].starts_with(missing), "{found:#?}");
    }

    #[test]
    fn unknown_members_are_refused() {
        let case = json!({
            "name": "x", "principal": { "type": "User", "id": "a" }, "action": "view",
            "resource": { "type": "User", "id": "a" }, "expect": "allow", "expcet": "deny",
        });
        assert!(serde_json::from_value::<Case>(case).is_err());
    }
}
