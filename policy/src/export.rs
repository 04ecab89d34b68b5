//! What is in force, in the formats of Cedar's own libraries, so that others decide as we do.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::schema::Schema;
use crate::stack::roomy;
use crate::{Finding, Layer, Loaded, Snapshot, Uid};

/// Policies, schema and entities as every Cedar library reads them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Export {
    /// A policy set in Cedar's JSON format. It has no templates: their slots are filled.
    pub policies: Value,
    /// The schema in Cedar's own syntax, with what the platform declares.
    pub schema: Option<String>,
    /// Entities in Cedar's JSON format; among them the actions that are in other actions, for
    /// whoever does without the schema.
    pub entities: Vec<Value>,
}

impl Export {
    /// How many bytes it has as JSON.
    #[must_use]
    pub fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

impl Snapshot {
    /// Everything that applications decide by: the guardrails, the roles, the tenant's policies, and the layers of
    /// organizations, whose policies are called `org_..:id`. The first time it takes as long as
    /// compiling, and it blocks.
    ///
    /// # Errors
    /// What of it Cedar cannot write.
    pub fn export<'a>(
        &self,
        organizations: impl IntoIterator<Item = (&'a Uid, &'a Layer)>,
        entities: impl IntoIterator<Item = &'a Loaded>,
    ) -> Result<Export, Vec<Finding>> {
        let mut policies = Map::new();
        for layer in self.layers(&[]) {
            policies.extend(layer.json()?.clone());
        }
        // Tokens are the platform's alone to issue, and the schema need not have their action.
        policies.remove(Layer::TOKEN_ISSUE);
        for (organization, layer) in organizations {
            for (id, policy) in layer.json()? {
                let mut id = format!("{}:{id}", organization.id());
                // Unlikely, but the tenant may call a policy what it likes.
                while policies.contains_key(&id) {
                    id.push('\'');
                }
                policies.insert(id, policy.clone());
            }
        }
        let mut written = Vec::new();
        for entity in entities {
            written.push(entity.cedar().to_json_value().map_err(|e| unwritten(&e))?);
        }
        for (_, action) in self.schema.iter().flat_map(Schema::actions) {
            let action = action.entity.to_json_value().map_err(|e| unwritten(&e))?;
            // One that is in no other needs no entity.
            if action["parents"].as_array().is_some_and(|parents| !parents.is_empty()) {
                written.push(action);
            }
        }
        Ok(Export {
            policies: json!({
                "staticPolicies": policies, "templates": {}, "templateLinks": [],
            }),
            schema: self.schema_text().map(ToOwned::to_owned),
            entities: written,
        })
    }
}

impl Layer {
    /// Every policy by its id.
    fn json(&self) -> Result<&Map<String, Value>, Vec<Finding>> {
        if let Some(known) = self.json.get() {
            return Ok(known);
        }
        let written = roomy(|| {
            let one = |policy: &cedar_policy::Policy| {
                Ok((policy.id().to_string(), policy.to_json().map_err(|e| unwritten(&e))?))
            };
            self.all.policies().map(one).collect::<Result<Map<_, _>, _>>()
        })?;
        Ok(self.json.get_or_init(|| written))
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> Vec<Finding> {
    vec![Finding::new("policies", error.to_string())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};

    use super::*;
    use crate::{Bundle, EntityData, Link, Mode, RoleRule, compile, organization_layer};

    const SCHEMA: &str = r#"
        entity Paper in [Organization] = { owner: User };
        action "look";
        action "read", "list" in ["look"] appliesTo { principal: User, resource: Paper };
        action "write" appliesTo { principal: User, resource: Paper };
    "#;
    const POLICIES: &str = r#"
        @id("owner") permit (principal, action, resource is Paper)
        when { resource.owner == principal };
        @id("shared") permit (principal == ?principal, action in Action::"look", resource);
    "#;

    fn user(id: &str, active: bool) -> EntityData {
        let data = json!({ "type": "User", "id": id, "attrs": {
            "id": id, "sub": id, "email_verified": true, "active": active, "attributes": {} } });
        serde_json::from_value(data).unwrap()
    }

    #[test]
    fn plain_cedar_decides_the_same() {
        let bundle = Bundle {
            schema: Some(SCHEMA.to_owned()),
            policies: BTreeMap::from([("a.cedar".to_owned(), POLICIES.to_owned())]),
            links: vec![Link {
                id: "shared.bob".into(),
                template: "shared".into(),
                principal: Some(Uid::new("User", "bob").unwrap()),
                resource: None,
            }],
        };
        let roles = [RoleRule { name: "writer".into(), permissions: vec!["write".into()] }];
        let (snapshot, _) = compile(Some(&bundle), &roles, Mode::Strict).unwrap();
        let organization = Uid::new("Organization", "org_1").unwrap();
        let text = "@id(\"owner\") forbid (principal, action == Action::\"list\", resource);";
        let own = BTreeMap::from([("o.cedar".to_owned(), text.to_owned())]);
        let layer = organization_layer(&snapshot, &organization, &own).unwrap();
        let mut eve = user("eve", true);
        eve.parents.push(Uid::new("Role", "writer").unwrap());
        let paper = |id: &str, parents: Value| {
            let owner = json!({ "type": "User", "id": "ann" });
            let data = json!({ "type": "Paper", "id": id, "attrs": { "owner": owner },
                "parents": parents });
            serde_json::from_value::<EntityData>(data).unwrap()
        };
        let all = [
            user("ann", true),
            user("bob", true),
            user("cem", false),
            eve,
            paper("free", json!([])),
            paper("theirs", json!([{ "type": "Organization", "id": "org_1" }])),
        ];
        let loaded: Vec<_> = all.iter().map(|data| snapshot.entity(data).unwrap()).collect();
        let export = snapshot.export([(&organization, &layer)], &loaded).unwrap();
        let mut ids: Vec<_> =
            export.policies["staticPolicies"].as_object().unwrap().keys().cloned().collect();
        ids.sort_unstable();
        assert_eq!(
            ids,
            [
                "guardrail:inactive-user",
                "org_1:owner",
                "owner",
                "role:writer",
                "role:writer:organization",
                "shared.bob"
            ]
        );
        let policies = PolicySet::from_json_value(export.policies.clone()).unwrap();
        let (schema, _) = Schema::from_cedarschema_str(export.schema.as_deref().unwrap()).unwrap();
        let entities = json!(export.entities);
        // With the schema they are checked, and the actions are those that it declares.
        let checked = Entities::from_json_value(entities.clone(), Some(&schema)).unwrap();
        let bare = Entities::from_json_value(entities, None).unwrap();
        let uid = |text: String| text.parse::<EntityUid>().unwrap();
        let mut allowed = Vec::new();
        for who in ["ann", "bob", "cem", "eve"] {
            for action in ["read", "list", "write"] {
                for what in ["free", "theirs"] {
                    let (p, r) = (Uid::new("User", who), Uid::new("Paper", what));
                    let query = snapshot.query(p.unwrap(), action, r.unwrap(), Map::new());
                    let query = query.unwrap();
                    let slice = crate::Slice::new(&loaded).unwrap();
                    let ours = snapshot.decide(&query, &slice, &[&layer]).allowed;
                    let request = Request::new(
                        uid(format!("User::\"{who}\"")),
                        uid(format!("Action::\"{action}\"")),
                        uid(format!("Paper::\"{what}\"")),
                        Context::empty(),
                        None,
                    );
                    let request = request.unwrap();
                    for entities in [&checked, &bare] {
                        let answer = Authorizer::new().is_authorized(&request, &policies, entities);
                        let theirs = answer.decision() == cedar_policy::Decision::Allow;
                        assert_eq!(ours, theirs, "{who} {action} {what}");
                    }
                    if ours {
                        allowed.push(format!("{who} {action} {what}"));
                    }
                }
            }
        }
        assert_eq!(
            allowed,
            [
                "ann read free",
                "ann read theirs",
                "ann list free",
                "ann write free",
                "ann write theirs",
                "bob read free",
                "bob read theirs",
                "bob list free",
                "eve write free",
                "eve write theirs",
            ]
        );
        assert!(export.size() > 1_000);
    }
}
