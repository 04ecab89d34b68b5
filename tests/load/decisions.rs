//! Authorization decisions: over stored entities, with entities in the request, in batches, and
//! while other policies are made to hold.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use bailiwick_policy::{
    Bundle, EntityData, Loaded, Mode, Part, Plain, Query, Slice, Snapshot, Uid, compile,
};
use serde_json::{Map, Value, json};

use crate::site;
use crate::table::Table;
use crate::target::Target;
use crate::wrk::{CONNECTIONS, Load, Run};

const DECIDE: &str = include_str!("lua/decide.lua");
/// Questions of a batch.
const BATCH: f64 = 100.0;
/// Of the application that asks.
const BASIC: &str = "Basic YXNrZXI6dGhlLXNlY3JldC1vZi10aGUtYXNrZXItMDEyMzQ1Njc4OQ==";

/// So many policies, each for a team and a folder of its own, and ten times as many entities:
/// teams, folders in folders, four people a team and four documents a folder.
#[derive(Clone, Copy)]
struct Size {
    slug: &'static str,
    policies: usize,
}

const SMALL: Size = Size { slug: "ten", policies: 10 };
const LARGE: Size = Size { slug: "thousand", policies: 1_000 };

impl Size {
    fn bundle(self) -> Value {
        let mut text = String::new();
        for k in 0..self.policies {
            let _ = writeln!(
                text,
                "@id(\"p{k}\") permit (principal in team::\"{k}\", \
                 action in [Action::\"read\", Action::\"write\"], resource in folder::\"{k}\") \
                 when {{ resource.level <= principal.level }};"
            );
        }
        json!({ "policies": { "all.cedar": text } })
    }

    fn entities(self) -> Vec<Value> {
        let n = self.policies;
        let of = |kind: &str, id: usize| json!({ "type": kind, "id": id.to_string() });
        let teams = (0..n).map(|k| of("team", k));
        let folders = (0..n).map(|k| {
            let parents = if k == 0 { vec![] } else { vec![of("folder", k / 10)] };
            json!({ "type": "folder", "id": k.to_string(), "parents": parents })
        });
        let people = (0..4 * n).map(|i| {
            let teams = [of("team", i % n), of("team", (i * 3 + 1) % n)];
            json!({ "type": "person", "id": i.to_string(), "attrs": { "level": 3, "name": "Ada" },
                "parents": teams })
        });
        let documents = (0..4 * n).map(|i| {
            json!({ "type": "document", "id": i.to_string(),
                "attrs": { "level": i % 5, "title": "A document" },
                "parents": [of("folder", i % n)] })
        });
        teams.chain(folders).chain(people).chain(documents).collect()
    }
}

pub(crate) async fn run(table: &mut Table, target: &Target) {
    for size in [SMALL, LARGE] {
        fill(target, size).await;
    }
    let load = |name, size: Size, mode: &str, path: &str| Load {
        name,
        base: target.base.clone(),
        script: DECIDE,
        args: vec![
            format!("/t/{}{path}", size.slug),
            BASIC.to_owned(),
            size.policies.to_string(),
            mode.to_owned(),
        ],
        requests: 1,
        connections: CONNECTIONS,
    };
    let evaluation = "/access/v1/evaluation";
    for (name, size) in [
        ("decision, 10 policies and 100 entities", SMALL),
        ("decision, 1,000 policies and 10,000 entities", LARGE),
    ] {
        // Everything is read once: only then is it a row about decisions.
        load("", size, "stored", evaluation).peak(if size.policies > 10 { 8 } else { 2 });
        table.measure(&load(name, size, "stored", evaluation));
    }
    let native = "/authz/decide";
    table.measure(&load("decision, entities in the request, 10 policies", SMALL, "sent", native));
    table.measure(&load("the same, 1,000 policies", LARGE, "sent", native));
    let path = "/access/v1/evaluations";
    for (name, size) in [
        ("decisions in batches of 100, 10 policies", SMALL),
        ("decisions in batches of 100, 1,000 policies", LARGE),
    ] {
        let batches = load(name, size, "batch", path);
        let peak = batches.peak(table.seconds);
        let half = batches.half(peak, table.seconds);
        table.add(name, Run { per_second: peak.per_second * BATCH, ..peak }, Some(half));
    }
    activation(table, target, &load("", LARGE, "stored", evaluation)).await;
    for size in [SMALL, LARGE] {
        table.note(&in_process(size));
    }
}

/// A tenant with the policies and entities of that size.
async fn fill(target: &Target, size: Size) {
    target.apply(&site::asker(size.slug));
    let key = target.operator_key();
    for chunk in size.entities().chunks(500) {
        let body = json!({ "put": chunk });
        api(target, (size.slug, &key), "/entities/bulk", &body).await;
    }
    activate(target, size, &key).await;
}

/// Makes the policies hold; gives how long the server took for that, in milliseconds.
async fn activate(target: &Target, size: Size, key: &str) -> f64 {
    let draft = api(target, (size.slug, key), "/policies/drafts", &size.bundle()).await;
    let path = format!("/policies/drafts/{}/activate", draft["id"].as_str().expect("an id"));
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    let began = Instant::now();
    api(target, (size.slug, key), &path, &json!({})).await;
    began.elapsed().as_secs_f64() * 1e3
}

async fn api(target: &Target, (slug, key): (&str, &str), path: &str, body: &Value) -> Value {
    let url = format!("{}/t/{slug}/api/v1{path}", target.base);
    let request = target.http.post(url).bearer_auth(key).header("if-match", "*").json(body);
    let answer = request.send().await.expect("the server answers");
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// How long activating 1,000 policies takes, and what requests notice of it.
async fn activation(table: &mut Table, target: &Target, load: &Load) {
    let key = target.operator_key();
    let seconds = table.seconds.max(3);
    let quiet = load.paced(seconds, 4);
    let beside = {
        let load = load.clone();
        tokio::task::spawn_blocking(move || load.paced(seconds, 4))
    };
    let mut took = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        took.push(activate(target, LARGE, &key).await);
    }
    let beside = beside.await.expect("it ran");
    took.sort_by(f64::total_cmp);
    table.add("decisions at a steady rate", quiet, None);
    table.add("the same while 1,000 policies are activated three times", beside, None);
    let longest = took.last().copied().unwrap_or(f64::NAN);
    let middle = took.get(1).copied().unwrap_or(f64::NAN);
    table.note(&format!(
        "activating a version of 1,000 policies: {middle:.0} ms, the longest of three {longest:.0} ms"
    ));
}

/// The same decisions without a server, one after the other: with the index and what was put
/// together of each entity, as the server has them once they are warm; and by the crate
/// `cedar-policy` alone, which evaluates every policy over all entities put together once.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn in_process(size: Size) -> String {
    let bundle: Bundle = serde_json::from_value(size.bundle()).expect("a bundle");
    let began = Instant::now();
    let (snapshot, _) = compile(Some(&bundle), &[], Mode::Permissive).expect("it compiles");
    let compiled = began.elapsed().as_secs_f64() * 1e3;
    let load = |data: Value| {
        let data: EntityData = serde_json::from_value(data).expect("an entity");
        (data.uid.clone(), snapshot.entity(&data).expect("it is right"))
    };
    let all: HashMap<Uid, Loaded> = size.entities().into_iter().map(load).collect();
    let part = |one: &Loaded| Part::new([one], |uid| all.get(uid)).expect("no cycles");
    let parts: HashMap<&Uid, Part> = all.iter().map(|(uid, one)| (uid, part(one))).collect();
    let indexed = each(&snapshot, size, |query| {
        let known = [query.principal(), query.resource()].into_iter();
        let slice = Slice::of(known.filter_map(|uid| parts.get(uid)));
        snapshot.decide(query, &slice, &[]).allowed
    });
    let plain = Plain::new(&snapshot, all.values()).expect("Cedar takes it");
    let every = each(&snapshot, size, |query| plain.allows(query));
    format!(
        "in the process itself, {} policies: {indexed:.1} us a decision, and {every:.1} us by the \
         crate cedar-policy alone, evaluating all policies; compiled in {compiled:.0} ms",
        size.policies
    )
}

/// Microseconds of a decision.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn each(snapshot: &Snapshot, size: Size, decide: impl Fn(&Query) -> bool) -> f64 {
    let (mut count, mut allowed, began) = (0_u32, 0_u32, Instant::now());
    while began.elapsed().as_secs_f64() < 1.0 {
        let n = usize::try_from(count).unwrap_or(0) * 7 % (4 * size.policies);
        let principal = Uid::new("person", &n.to_string()).expect("a name");
        let resource = Uid::new("document", &n.to_string()).expect("a name");
        let query = snapshot.query(principal, "read", resource, Map::new()).expect("a question");
        allowed += u32::from(decide(&query));
        count += 1;
    }
    assert!(allowed > 0, "some of them are allowed");
    began.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}
