//! Generated entities and requests: strict mode accepts exactly what Cedar's own validation does,
//! only that it says where everything is that is wrong.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::{Bundle, EntityData, Mode, Snapshot, Uid, compile};
use cedar_policy::{Context, Entities, EntityUid, Request, Schema};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "
    type Size = { width: Long, depth?: Size2 };
    type Size2 = { unit: String };
    entity Color enum [\"red\", \"green\"];
    entity Shelf;
    entity Box in [Box, Shelf] = {
        name: String,
        size?: Size,
        colors: Set<Color>,
        owner?: User,
        since?: datetime,
        from?: ipaddr,
        sealed: Bool,
    } tags Set<Long>;
    action group;
    action open in [group] appliesTo {
        principal: [User, Shelf], resource: Box, context: { key: String, size?: Size }
    };
    action close appliesTo { principal: User, resource: [Box, Shelf] };
";

fn uid(kind: &str, id: &str) -> Value {
    json!({ "__entity": { "type": kind, "id": id } })
}

fn extension(name: &str, arg: &str) -> Value {
    json!({ "__extn": { "fn": name, "arg": arg } })
}

/// Values of all types, so that each attribute is now and then right and often wrong.
fn value() -> impl Strategy<Value = Value> {
    let color = select(&["red", "green", "blue"][..]).prop_map(|id| uid("Color", id));
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from("cm")),
        color,
        select(&["User", "Shelf", "Nothing"][..]).prop_map(|kind| uid(kind, "1")),
        Just(extension("datetime", "2024-01-01")),
        Just(extension("ip", "192.0.2.1")),
        Just(extension("decimal", "1.0")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = select(&["width", "depth", "unit"][..]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn mostly(right: Value) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        12 => Just(Some(right)),
        1 => Just(None),
        1 => value().prop_map(Some),
    ]
}

fn maybe(right: Value) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        6 => Just(None),
        6 => Just(Some(right)),
        1 => value().prop_map(Some),
    ]
}

fn entity() -> impl Strategy<Value = EntityData> {
    let sizes = [
        json!({ "width": 1 }),
        json!({ "width": 1, "depth": { "unit": "cm" } }),
        json!({ "width": 1, "depth": {} }),
        json!({ "width": "1" }),
    ];
    let attrs = (
        mostly(json!("n")),
        select(sizes.to_vec()).prop_flat_map(maybe),
        mostly(json!([uid("Color", "red")])),
        maybe(uid("User", "u")),
        maybe(extension("datetime", "2024-01-01")),
        maybe(extension("ip", "192.0.2.1")),
        mostly(json!(true)),
        prop::option::weighted(0.05, value()),
    );
    let attrs = attrs.prop_map(|(name, size, colors, owner, since, from, sealed, other)| {
        let all = [
            ("name", name),
            ("size", size),
            ("colors", colors),
            ("owner", owner),
            ("since", since),
            ("from", from),
            ("sealed", sealed),
            ("other", other),
        ];
        all.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?))).collect::<Map<_, _>>()
    });
    let kind = prop_oneof![20 => Just("Box"), 1 => Just("Shelf"), 1 => Just("Nothing")];
    let parent = prop_oneof![
        10 => select(&["Box", "Shelf"][..]).prop_map(|kind| Uid::new(kind, "p").unwrap()),
        1 => select(&["User", "Nothing", "Color"][..]).prop_map(|kind| Uid::new(kind, "p").unwrap()),
    ];
    let tag = prop_oneof![6 => Just(json!([1, 2])), 1 => value()];
    let tags = prop::collection::btree_map(Just("t".to_owned()), tag, 0..2);
    (kind, attrs, prop::collection::vec(parent, 0..2), tags).prop_map(
        |(kind, attrs, parents, tags)| EntityData {
            uid: Uid::new(kind, "e").unwrap(),
            attrs,
            parents,
            tags: tags.into_iter().collect(),
        },
    )
}

struct Fixture {
    snapshot: Snapshot,
    schema: Schema,
}

fn fixture() -> Fixture {
    let bundle =
        Bundle { schema: Some(SCHEMA.to_owned()), policies: BTreeMap::new(), links: Vec::new() };
    let (snapshot, _) = compile(Some(&bundle), &[], Mode::Strict).unwrap();
    let (schema, _) = Schema::from_cedarschema_str(snapshot.schema_text().unwrap()).unwrap();
    Fixture { snapshot, schema }
}

fn cedar(uid: &Uid) -> EntityUid {
    uid.to_string().parse().unwrap()
}

#[test]
fn entities_are_accepted_as_by_cedar() {
    let Fixture { snapshot, schema } = fixture();
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() };
    let (good, bad) = (Cell::new(0), Cell::new(0));
    TestRunner::new(config)
        .run(&entity(), |data| {
            let json = json!([{
                "uid": data.uid, "attrs": data.attrs, "parents": data.parents, "tags": data.tags,
            }]);
            let parsed = Entities::from_json_value(json, None).unwrap();
            let cedar = Entities::from_entities(parsed, Some(&schema));
            let ours = snapshot.entity(&data);
            prop_assert_eq!(ours.is_ok(), cedar.is_ok(), "{:?}, {:?}", ours, cedar.err());
            let count = if ours.is_ok() { &good } else { &bad };
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    let (good, bad) = (good.get(), bad.get());
    // Both have to be common, or nothing is compared.
    assert!(good > 200 && bad > 200, "{good} good, {bad} bad");
}

#[test]
fn requests_are_accepted_as_by_cedar() {
    let Fixture { snapshot, schema } = fixture();
    let kinds = |usual: &'static str| {
        let uid = |kind, id| Uid::new(kind, id).unwrap();
        prop_oneof![
            8 => Just(uid(usual, "1")),
            2 => select(&["User", "Box", "Shelf", "Nothing"][..]).prop_map(move |kind| uid(kind, "1")),
            1 => select(&["red", "blue"][..]).prop_map(move |id| uid("Color", id)),
        ]
    };
    let context =
        (mostly(json!("k")), maybe(json!({ "width": 1 })), prop::option::weighted(0.1, value()));
    let context = prop_oneof![
        Just(Map::new()),
        context.prop_map(|(key, size, other)| {
            let all = [("key", key), ("size", size), ("other", other)];
            all.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?))).collect()
        }),
    ];
    let action = select(&["open", "open", "close", "close", "group", "none"][..]);
    let strategy = (kinds("User"), action, kinds("Box"), context);
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() };
    let good = Cell::new(0);
    TestRunner::new(config)
        .run(&strategy, |(principal, action, resource, context)| {
            let ours = snapshot.query(principal.clone(), action, resource.clone(), context.clone());
            let uid = Uid::new("Action", action).unwrap();
            let cedar = Context::from_json_value(Value::Object(context), None).unwrap();
            let cedar = Request::new(
                self::cedar(&principal),
                self::cedar(&uid),
                self::cedar(&resource),
                cedar,
                Some(&schema),
            );
            prop_assert_eq!(ours.is_ok(), cedar.is_ok(), "{:?}, {:?}", ours, cedar.err());
            good.set(good.get() + usize::from(ours.is_ok()));
            Ok(())
        })
        .unwrap();
    assert!(good.get() > 200, "{} good", good.get());
}
