use cedar_policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::*;

fn of(text: &str) -> Reach {
    assert!(crate::parse::parse("f", text).is_ok(), "{text}");
    Reach::of(text)
}

fn when(condition: &str) -> String {
    format!("permit(principal, action, resource) when {{ {condition} }};")
}

#[test]
fn levels_count_the_entities_in_a_row() {
    let scope = |text: &str| of(text).levels;
    let when = |condition: &str| of(&when(condition)).levels;
    assert_eq!(scope("permit(principal, action, resource);"), 0);
    assert_eq!(
        scope("permit(principal == U::\"a\", action in [Action::\"b\"], resource is N::R);"),
        0
    );
    assert_eq!(scope("permit(principal in G::\"a\", action, resource);"), 1);
    assert_eq!(scope("permit(principal is N::U in G::\"a\", action, resource);"), 1);
    assert_eq!(scope("permit(principal, action, resource in ?resource);"), 1);
    assert_eq!(when("principal == resource"), 0);
    assert_eq!(when("context.mfa && context has a"), 0);
    assert_eq!(when("context.mfa && context.a.b"), 1);
    assert_eq!(when("principal.a"), 1);
    assert_eq!(when("principal[\"a\"][\"b\"] == \"x\""), 2);
    assert_eq!(when("resource has a"), 1);
    assert_eq!(when("resource has a.b.c"), 3);
    assert_eq!(when("resource.owner == principal && resource.a like \"*.b.c\""), 1);
    assert_eq!(when("resource.owner.team in principal.teams"), 3);
    assert_eq!(when("principal.hasTag(resource.organization.id)"), 2);
    assert_eq!(when("principal.getTag(\"a\").b.contains(resource.c)"), 2);
    assert_eq!(when("[principal.a.b.c, 1].contains(2)"), 3);
    assert_eq!(when("{a: principal.b, \"c\": 1}.a.d"), 3);
    assert_eq!(when("(if principal.a then resource.b else principal).c"), 2);
    assert_eq!(when("ip(principal.a).isInRange(ip(\"10.0.0.0/8\"))"), 1);
    assert_eq!(when("resource.start.offset(duration(\"1h\")) > context.now"), 1);
    assert_eq!(when(&format!("principal{}", ".a".repeat(30))), MAX_LEVELS);
}

#[test]
fn literals_are_those_that_are_looked_into() {
    let found = of("permit(principal == U::\"a\", action, resource) when {
        resource == U::\"b\" || principal in U::\"c\" || N::U::\"d\\\"\".admin || U::\"e\" in U::\"f\"
        || (U::\"g\").x.y || U::\"h\" is U in U::\"i\" || U::\"j\" has a
    };");
    let mut names: Vec<String> = found.literals.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    assert_eq!(names, ["N::U::\"d\\\"\"", "U::\"e\"", "U::\"g\"", "U::\"h\"", "U::\"j\""],);
}

/// The same from the tree, where it is plain to see.
#[derive(Default)]
struct Tree {
    levels: u8,
    literals: Vec<Uid>,
}

impl Tree {
    fn walk(&mut self, json: &Value) -> u8 {
        let (operator, operands) = json.as_object().and_then(|o| o.iter().next()).unwrap();
        if ["Var", "Value", "Slot"].contains(&operator.as_str()) {
            return 0;
        }
        let left = operands.get("left");
        let mut widest = |all: Vec<&Value>| {
            all.iter().filter(|v| v.is_object()).map(|json| self.walk(json)).max().unwrap_or(0)
        };
        let inner = match operands {
            Value::Array(values) => widest(values.iter().collect()),
            Value::Object(members) => widest(members.values().collect()),
            _ => 0,
        };
        match operator.as_str() {
            "." | "getTag" => self.follow(left.unwrap()),
            "Set" | "Record" | "if-then-else" => inner,
            "has" | "in" | "hasTag" => {
                self.follow(left.unwrap());
                0
            }
            "is" if operands.get("in").is_some() => {
                self.follow(left.unwrap());
                0
            }
            // Booleans, numbers and strings.
            _ => 0,
        }
    }

    fn follow(&mut self, left: &Value) -> u8 {
        if left.get("Var").is_some_and(|var| var == "context") {
            return 0;
        }
        if let Some(entity) = left.pointer("/Value/__entity") {
            self.literals.push(serde_json::from_value(entity.clone()).unwrap());
        }
        let to = self.walk(left) + 1;
        self.levels = self.levels.max(to);
        to
    }
}

fn expression() -> impl Strategy<Value = String> {
    let atoms =
        ["principal", "resource", "context", "U::\"a\"", "1", "\"a.b\"", "N::V::\"x\\\"y\""];
    select(atoms.to_vec()).prop_map(str::to_owned).prop_recursive(5, 24, 3, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|a| format!("({a}).b")),
            inner.clone().prop_map(|a| format!("({a})[\"b\"].c")),
            inner.clone().prop_map(|a| format!("(({a}) has b.c)")),
            two().prop_map(|(a, b)| format!("(({a}) in ({b}))")),
            two().prop_map(|(a, b)| format!("(({a}) == ({b}))")),
            two().prop_map(|(a, b)| format!("(({a}) && !({b}))")),
            inner.clone().prop_map(|a| format!("(({a}) is N::U in U::\"g\")")),
            two().prop_map(|(a, b)| format!("({a}).getTag(({b}))")),
            two().prop_map(|(a, b)| format!("[{a}, {b}].contains({a})")),
            two().prop_map(|(a, b)| format!("{{a: {a}, \"b c\": {b}}}.a")),
            two().prop_map(|(a, b)| format!("(if {a} then {b} else {a})")),
            inner.prop_map(|a| format!("ip({a}).isIpv4()")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn the_text_tells_no_less_than_the_tree(condition in expression()) {
        let text = when(&condition);
        let Ok(policy) = Policy::parse(None, &text) else { return Ok(()) };
        let mut tree = Tree::default();
        for condition in policy.to_json().unwrap()["conditions"].as_array().unwrap() {
            tree.walk(&condition["body"]);
        }
        let found = Reach::of(&text);
        prop_assert!(found.levels >= tree.levels.min(MAX_LEVELS), "{} < {}", found.levels, tree.levels);
        prop_assert!(tree.literals.iter().all(|uid| found.literals.contains(uid)), "{found:?}");
    }
}
