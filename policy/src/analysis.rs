//! How far policies follow references from entity to entity.

use cedar_policy::{PolicySet, ValidationError, ValidationMode, Validator};
use serde_json::Value;

use crate::Uid;
use crate::layer::Prepared;
use crate::schema::Schema;

/// Beyond this, what policies look for is not fetched.
const MAX_LEVELS: u8 = 10;

/// Which entities a policy looks into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many entities in a row: 1 when it looks at the principal or the resource themselves, 2
    /// when it looks at what those refer to.
    ///
    /// Without types a record cannot be told from a reference, so this may be too much, never too
    /// little.
    pub levels: u8,
    /// Those that it names itself.
    pub literals: Vec<Uid>,
}

impl Reach {
    /// What is assumed of a policy that cannot be looked at.
    pub(crate) fn unknown() -> Self {
        Self { levels: MAX_LEVELS, literals: Vec::new() }
    }

    /// Walks the tree of a policy or a template.
    pub(crate) fn of(json: &Value) -> Self {
        let mut reach = Self::default();
        for side in ["principal", "resource"] {
            let scope = json.get(side);
            let within = scope.and_then(|s| s.get("op")).is_some_and(|op| op == "in")
                || scope.is_some_and(|s| s.get("in").is_some());
            if within {
                reach.levels = 1;
            }
        }
        let conditions = json.get("conditions").and_then(Value::as_array);
        for condition in conditions.into_iter().flatten() {
            if let Some(body) = condition.get("body") {
                reach.walk(body);
            }
        }
        reach.levels = reach.levels.min(MAX_LEVELS);
        reach
    }

    /// How many entities in a row the value of an expression is away from the request.
    fn walk(&mut self, json: &Value) -> u8 {
        let Some((operator, operands)) = json.as_object().and_then(|o| o.iter().next()) else {
            return 0;
        };
        let left = operands.get("left");
        match operator.as_str() {
            "Var" | "Value" | "Slot" => 0,
            // The context is a record, and not an entity.
            "." | "has" if operands.pointer("/left/Var").is_some_and(|var| var == "context") => 0,
            "." | "has" => self.follow(left),
            "in" | "getTag" | "hasTag" => {
                let right = operands.get("right").map_or(0, |json| self.walk(json));
                self.follow(left).max(right)
            }
            "is" if operands.get("in").is_some() => self.follow(left),
            _ => match operands {
                Value::Array(values) => self.widest(values.iter()),
                Value::Object(members) => self.widest(members.values()),
                _ => 0,
            },
        }
    }

    fn widest<'a>(&mut self, of: impl Iterator<Item = &'a Value>) -> u8 {
        of.map(|json| self.walk(json)).max().unwrap_or(0)
    }

    /// Looks into what an expression refers to.
    fn follow(&mut self, left: Option<&Value>) -> u8 {
        let Some(left) = left else { return 0 };
        if let Some(entity) = left.pointer("/Value/__entity") {
            self.literals.extend(serde_json::from_value::<Uid>(entity.clone()));
        }
        let to = self.walk(left).saturating_add(1);
        self.levels = self.levels.max(to);
        to
    }
}

/// The levels by the types of a schema, where a policy seems to look at more than one.
pub(crate) fn levels_by_schema(schema: &Schema, checked: &PolicySet, all: &[Prepared]) -> u8 {
    let seeming = all.iter().map(|one| one.reach.levels).max().unwrap_or(0);
    if seeming < 2 {
        return seeming;
    }
    let far = |id: &cedar_policy::PolicyId| {
        let one = all.iter().find(|one| one.policy.id() == id);
        one.is_some_and(|one| one.reach.levels > 1)
    };
    let validator = Validator::new(schema.cedar.clone());
    let enough = |level: &u8| {
        let mode = ValidationMode::Strict;
        let result = validator.validate_with_level(checked, mode, u32::from(*level));
        let too_far = |error: &ValidationError| {
            matches!(error, ValidationError::EntityDerefLevelViolation(_)) && far(error.policy_id())
        };
        !result.validation_errors().any(too_far)
    };
    (1..seeming.min(4)).find(enough).unwrap_or(seeming)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn of(text: &str) -> Reach {
        parse("f", text).unwrap()[0].reach()
    }

    #[test]
    fn levels_count_the_entities_in_a_row() {
        let of = |text: &str| of(text).levels;
        let when = |condition: &str| {
            of(&format!("permit(principal, action, resource) when {{ {condition} }};"))
        };
        assert_eq!(of("permit(principal, action, resource);"), 0);
        assert_eq!(of("permit(principal in G::\"a\", action, resource);"), 1);
        assert_eq!(of("permit(principal is U in G::\"a\", action, resource);"), 1);
        assert_eq!(of("permit(principal, action, resource in ?resource);"), 1);
        assert_eq!(when("principal == resource"), 0);
        assert_eq!(when("context.mfa && context.a.b"), 1);
        assert_eq!(when("principal.a"), 1);
        assert_eq!(when("resource has a"), 1);
        assert_eq!(when("resource.owner == principal"), 1);
        assert_eq!(when("resource.owner.team in principal.teams"), 3);
        assert_eq!(when("principal.hasTag(resource.organization.id)"), 2);
        assert_eq!(when("[principal.a.b.c, 1].contains(2)"), 3);
        assert_eq!(when("(if principal.a then resource.b else principal).c"), 2);
        assert_eq!(when("ip(principal.a).isInRange(ip(\"10.0.0.0/8\"))"), 1);
        assert_eq!(when(&format!("principal{}", ".a".repeat(30))), MAX_LEVELS);
    }

    #[test]
    fn literals_are_those_that_are_looked_into() {
        let found = of("permit(principal == U::\"a\", action, resource) when {
            resource == U::\"b\" || principal in U::\"c\" || U::\"d\".admin || U::\"e\" in U::\"f\"
        };");
        let names: Vec<&str> = found.literals.iter().map(Uid::id).collect();
        assert_eq!(names, ["d", "e"]);
    }
}
