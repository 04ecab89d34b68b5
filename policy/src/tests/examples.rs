//! The examples of Cedar's documentation, written for the types of the platform: their policies are
//! valid, and decide their cases as they should.

use std::collections::BTreeMap;

use crate::suite::{Case, Outcome, run};
use crate::{Bundle, EntityData, Link, Mode, compile};

struct Example {
    schema: &'static str,
    policies: &'static str,
    links: &'static str,
    entities: &'static str,
    cases: &'static str,
    /// How many entities in a row its policies look at.
    levels: u8,
}

macro_rules! example {
    ($name:ident, $levels:literal, $links:expr) => {
        #[test]
        fn $name() {
            check(&Example {
                schema: include_str!(concat!(
                    "examples/",
                    stringify!($name),
                    "/schema.cedarschema"
                )),
                policies: include_str!(concat!("examples/", stringify!($name), "/policies.cedar")),
                links: $links,
                entities: include_str!(concat!("examples/", stringify!($name), "/entities.json")),
                cases: include_str!(concat!("examples/", stringify!($name), "/cases.json")),
                levels: $levels,
            });
        }
    };
}

example!(photos, 2, "[]");
example!(todo, 1, "[]");
example!(documents, 2, "[]");
example!(hotels, 1, include_str!("examples/hotels/links.json"));
example!(workspaces, 1, "[]");

fn check(example: &Example) {
    let bundle = Bundle {
        schema: Some(example.schema.to_owned()),
        policies: BTreeMap::from([("policies.cedar".to_owned(), example.policies.to_owned())]),
        links: serde_json::from_str::<Vec<Link>>(example.links).unwrap(),
    };
    let (snapshot, warnings) = compile(Some(&bundle), &[], Mode::Strict).unwrap();
    assert!(warnings.is_empty(), "{warnings:#?}");
    assert_eq!(snapshot.levels(), example.levels);
    let entities: Vec<EntityData> = serde_json::from_str(example.entities).unwrap();
    let cases: Vec<Case> = serde_json::from_str(example.cases).unwrap();
    let outcomes = run(&snapshot, &entities, &cases);
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(outcomes.len(), cases.len());
}
