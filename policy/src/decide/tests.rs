use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::compile::tests::bundle;
use crate::{EntityData, Loaded, Mode, RoleRule, compile, compile_guardrails, organization_layer};

fn snapshot(text: &str, roles: &[(&str, &[&str])]) -> Snapshot {
    let role = |(name, permissions): &(&str, &[&str])| RoleRule {
        name: (*name).to_owned(),
        permissions: permissions.iter().map(|p| (*p).to_owned()).collect(),
    };
    let roles: Vec<RoleRule> = roles.iter().map(role).collect();
    let bundle = bundle(None, &[("a.cedar", text)]);
    compile(Some(&bundle), &roles, Mode::Permissive).unwrap_or_else(|e| panic!("{e:?}")).0
}

fn uid(kind: &str, id: &str) -> Uid {
    Uid::new(kind, id).unwrap()
}

/// Decides both ways, which must not differ.
fn ask(snapshot: &Snapshot, resource: Uid, entities: &Value, more: &[&Layer]) -> Decision {
    let context = Map::new();
    let query = snapshot.query(uid("User", "u"), "edit", resource, context).unwrap();
    let data: Vec<EntityData> = serde_json::from_value(entities.clone()).unwrap();
    let loaded: Vec<Loaded> = data.iter().map(|one| snapshot.entity(one).unwrap()).collect();
    let slice = Slice::new(&loaded).unwrap();
    let decision = snapshot.decide(&query, &slice, more);
    assert_eq!(decision, snapshot.decide_by_all(&query, &slice, more));
    decision
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.policies.iter().map(|reason| &*reason.id).collect()
}

#[test]
fn the_deciding_policies_are_named_in_order() {
    let snapshot = snapshot(
        "@id(\"b\") @note(\"n\") permit(principal, action, resource);
         @id(\"a\") permit(principal == User::\"u\", action == Action::\"edit\", resource);
         @id(\"c\") permit(principal == User::\"v\", action, resource);
         @id(\"d\") forbid(principal, action, resource in Folder::\"secret\");",
        &[],
    );
    let doc = uid("Document", "d");
    let allowed = ask(&snapshot, doc.clone(), &json!([]), &[]);
    assert!(allowed.allowed);
    assert_eq!(ids(&allowed), ["a", "b"]);
    assert_eq!(allowed.policies[1].annotations["note"], "n");
    let inside = json!([
        { "type": "Document", "id": "d", "parents": [{ "type": "Folder", "id": "x" }] },
        { "type": "Folder", "id": "x", "parents": [{ "type": "Folder", "id": "secret" }] },
    ]);
    let denied = ask(&snapshot, doc, &inside, &[]);
    assert!(!denied.allowed);
    assert_eq!(ids(&denied), ["d"]);
}

#[test]
fn errors_say_what_is_missing() {
    let snapshot = snapshot(
        "@id(\"a\") permit(principal, action, resource) when { resource.owner == principal };
         @id(\"b\") permit(principal, action, resource) when { context.mfa };
         @id(\"c\") permit(principal, action, resource) when { principal.x };
         @id(\"d\") permit(principal, action, resource) when { resource.getTag(\"t\") == 1 };
         @id(\"e\") permit(principal, action, resource) when { 1 + \"x\" == 2 };",
        &[],
    );
    // An id that looks like the end of the message.
    let id = "d\"` does not have the attribute `x";
    let decision =
        ask(&snapshot, uid("Document", id), &json!([{ "type": "Document", "id": id }]), &[]);
    assert!(!decision.allowed && decision.policies.is_empty());
    let missing: Vec<Option<(Option<Uid>, &str)>> = decision
        .errors
        .iter()
        .map(|e| e.missing.as_ref().map(|m| (m.entity.clone(), m.attribute.as_str())))
        .collect();
    let document = Some(uid("Document", id));
    assert_eq!(
        missing,
        [
            Some((document.clone(), "owner")),
            Some((None, "mfa")),
            Some((Some(uid("User", "u")), "")),
            Some((document, "t")),
            None,
        ]
    );
}

#[test]
fn roles_hold_everywhere_or_in_an_organization() {
    let snapshot = snapshot("", &[("editor", &["edit"]), ("viewer", &["view"])]);
    let user = |parents: Value, tags: Value| {
        json!({
            "type": "User", "id": "u", "attrs": { "active": true }, "parents": parents,
            "tags": tags,
        })
    };
    let role = json!({ "type": "Role", "id": "editor" });
    let everywhere = user(json!([role]), json!({}));
    let inside = user(json!([]), json!({ "org_1": [role] }));
    let organization = json!({ "type": "Organization", "id": "org_1", "attrs": { "id": "org_1" } });
    let doc = |attrs: Value| json!({ "type": "Document", "id": "d", "attrs": attrs });
    let owned = doc(json!({ "organization": { "type": "Organization", "id": "org_1" } }));
    let d = || uid("Document", "d");
    let rule = "role:editor:organization";

    assert_eq!(ids(&ask(&snapshot, d(), &json!([everywhere]), &[])), ["role:editor"]);
    let found = ask(&snapshot, d(), &json!([inside, organization, owned]), &[]);
    assert_eq!(ids(&found), [rule]);
    assert_eq!(found.policies[0].layer, LayerKind::Roles);
    let found = ask(&snapshot, uid("Organization", "org_1"), &json!([inside, organization]), &[]);
    assert_eq!(ids(&found), [rule]);
    // Another organization, none, and attributes of other types: no, and no error.
    let other = doc(json!({ "organization": { "type": "Organization", "id": "org_2" } }));
    for attrs in [json!({}), json!({ "organization": "org_1" }), json!({ "organization": role })] {
        let found = ask(&snapshot, d(), &json!([inside, organization, doc(attrs)]), &[]);
        assert_eq!((found.allowed, found.errors.len()), (false, 0));
    }
    for slice in [json!([inside, organization, other]), json!([inside]), json!([owned])] {
        let found = ask(&snapshot, d(), &slice, &[]);
        assert_eq!((found.allowed, found.errors.len()), (false, 0));
    }
}

#[test]
fn guardrails_are_above_everything() {
    let snapshot = snapshot("permit(principal, action, resource);", &[]);
    let user =
        |active: Value| json!([{ "type": "User", "id": "u", "attrs": { "active": active } }]);
    let doc = || uid("Document", "d");
    assert!(ask(&snapshot, doc(), &user(json!(true)), &[]).allowed);
    assert!(ask(&snapshot, doc(), &json!([]), &[]).allowed);
    for more in [&[] as &[&Layer], &[Layer::guardrails()]] {
        let denied = ask(&snapshot, doc(), &user(json!(false)), more);
        assert!(!denied.allowed);
        assert_eq!(ids(&denied), ["guardrail:inactive-user"]);
    }
    let own = compile_guardrails("@id(\"no\") forbid(principal, action, resource is Document);");
    let snapshot = snapshot.under(Some(Arc::new(own.unwrap())));
    let denied = ask(&snapshot, doc(), &json!([]), &[]);
    assert_eq!(ids(&denied), ["guardrail:no"]);
    assert_eq!(denied.policies[0].layer, LayerKind::Guardrails);
    assert_eq!(
        ids(&ask(&snapshot, doc(), &user(json!(false)), &[])),
        ["guardrail:inactive-user", "guardrail:no"]
    );
}

#[test]
fn guardrails_of_the_operator_see_as_far_as_they_look() {
    let text = "@id(\"far\") forbid(principal, action, resource)
        when { resource.folder.owner.level > 3 || Group::\"g\".closed };";
    let own = Arc::new(compile_guardrails(text).unwrap());
    let snapshot = snapshot("permit(principal, action, resource);", &[]);
    assert_eq!((snapshot.levels(), snapshot.literals().count()), (1, 0));
    let snapshot = snapshot.under(Some(own));
    assert_eq!((snapshot.levels(), snapshot.literals().count()), (3, 1));
    let closed = json!([{ "type": "Group", "id": "g", "attrs": { "closed": true } },
        { "type": "Document", "id": "d", "attrs": { "folder": { "type": "F", "id": "f" } } },
        { "type": "F", "id": "f", "attrs": { "owner": { "type": "P", "id": "p" } } },
        { "type": "P", "id": "p", "attrs": { "level": 1 } }]);
    assert_eq!(ids(&ask(&snapshot, uid("Document", "d"), &closed, &[])), ["guardrail:far"]);
}

#[test]
fn the_policies_of_an_organization_reach_nothing_else() {
    let snapshot = snapshot("", &[]);
    let texts = [("o.cedar", "@id(\"all\") permit(principal, action, resource) // ;\n;")];
    let policies = bundle(None, &texts).policies;
    let layer = organization_layer(&snapshot, &uid("Organization", "org_1"), &policies).unwrap();
    let in_org = |org: &str| json!([{ "type": "Document", "id": "d", "parents": [{ "type": "Organization", "id": org }] }]);
    let ask = |entities: Value| ask(&snapshot, uid("Document", "d"), &entities, &[&layer]);
    let found = ask(in_org("org_1"));
    assert!(found.allowed);
    assert_eq!(found.policies[0].layer, LayerKind::Organization);
    assert!(!ask(in_org("org_2")).allowed);
    assert!(!ask(json!([])).allowed);
    let text = &layer.policies().next().unwrap().text;
    assert!(text.contains("Organization::\"org_1\""), "{text}");
    assert_eq!(layer.levels(), 1);
    let template =
        bundle(None, &[("o.cedar", "permit(principal == ?principal, action, resource);")]);
    let found = organization_layer(&snapshot, &uid("Organization", "o"), &template.policies);
    assert!(found.unwrap_err()[0].message.contains("templates"));
}

#[test]
fn groups_of_actions_come_from_the_schema() {
    let schema = "entity Document; action read; action own;
        action edit in [own] appliesTo { principal: User, resource: Document };
        action view in [read, own] appliesTo { principal: User, resource: Document };";
    let text = "@id(\"in\") permit(principal, action in Action::\"own\", resource);
        @id(\"list\") permit(principal, action in [Action::\"own\", Action::\"edit\"], resource);
        @id(\"eq\") permit(principal, action == Action::\"own\", resource);
        @id(\"other\") permit(principal, action in Action::\"read\", resource);";
    let bundle = bundle(Some(schema), &[("a.cedar", text)]);
    let (snapshot, _) = compile(Some(&bundle), &[], Mode::Permissive).unwrap();
    let found = ask(&snapshot, uid("Document", "d"), &json!([]), &[]);
    assert_eq!(ids(&found), ["in", "list"]);
    // A slice that was made for another query gives the same answer.
    let query = |action| {
        snapshot.query(uid("User", "u"), action, uid("Document", "d"), Map::new()).unwrap()
    };
    let slice = Slice::new([]).unwrap();
    let found = snapshot.decide(&query("view"), &slice, &[]);
    assert_eq!(ids(&found), ["in", "list", "other"]);
    assert_eq!(snapshot.actions("User", "Document"), ["edit", "view"]);
}

#[test]
fn a_slice_serves_other_queries_and_layers_too() {
    let text = "@id(\"boss\") permit(principal, action, resource) when { principal.boss };";
    let snapshot = snapshot(text, &[]);
    let entities = json!([
        { "type": "Document", "id": "d", "parents": [{ "type": "Group", "id": "g" }] },
        { "type": "Group", "id": "g", "attrs": { "boss": true } },
    ]);
    let data: Vec<EntityData> = serde_json::from_value(entities).unwrap();
    let loaded: Vec<Loaded> = data.iter().map(|one| snapshot.entity(one).unwrap()).collect();
    let query = |p: Uid| snapshot.query(p, "edit", uid("Document", "d"), Map::new()).unwrap();
    let slice = Slice::new(&loaded).unwrap();
    assert!(!snapshot.decide(&query(uid("User", "u")), &slice, &[]).allowed);
    assert!(snapshot.decide(&query(uid("Group", "g")), &slice, &[]).allowed);
    let by_name = "@id(\"no\") forbid(principal, action, resource) when { Group::\"g\".boss };";
    let more = compile_guardrails(by_name).unwrap();
    let decision = snapshot.decide(&query(uid("User", "u")), &slice, &[&more]);
    assert_eq!(ids(&decision), ["guardrail:no"]);
}
