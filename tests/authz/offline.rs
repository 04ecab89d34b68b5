//! An application decides by itself: as the server would, with the crate and with the WebAssembly
//! of Cedar.

use harness::clients::{example, node, root, succeed};
use harness::{Options, Server, both};
use serde_json::{Map, Value, json};

use super::support::{Pdp, SECRET};

both!(Options::real_time() => the_server_and_two_libraries_agree);

const USERS: usize = 8;
const GROUPS: usize = 4;
const FOLDERS: usize = 20;
const DOCUMENTS: usize = 60;
const REQUESTS: usize = 3_000;
/// Requests of one batch.
const BATCH: usize = 1_000;

/// Numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    /// One below `n`.
    fn below(&mut self, n: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).expect("below n")
    }

    fn of_ten(&mut self, n: usize) -> bool {
        self.below(10) < n
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn some(&mut self, list: &[Value]) -> Vec<Value> {
        list.iter().filter(|_| self.of_ten(3)).cloned().collect()
    }
}

fn file(name: &str) -> String {
    let path = root().join("examples/policies/documents").join(name);
    std::fs::read_to_string(path).expect("the example is there")
}

async fn people(pdp: &Pdp<'_>, numbers: &mut Numbers) -> (Vec<Value>, Vec<Value>) {
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    let id = |path: &str| path.rsplit('/').next().expect("an id").to_owned();
    for n in 0..GROUPS {
        let path = pdp.api.create("/groups", &json!({ "name": format!("Group {n}") })).await;
        groups.push(json!({ "type": "Group", "id": id(&path) }));
    }
    for n in 0..USERS {
        let claims = match n % 4 {
            0 => json!({}),
            clearance => json!({ "clearance": clearance, "other": "not in the schema" }),
        };
        let path = pdp.api.create("/users", &json!({ "claims": claims })).await;
        if n == USERS - 1 {
            let patch = json!({ "active": false });
            pdp.api.patch(&path, "*", &patch).await.expect(200);
        }
        for group in numbers.some(&groups) {
            let group = group["id"].as_str().expect("an id");
            let place = format!("/groups/{group}/members/{}", id(&path));
            pdp.api.put(&place, &json!({})).await.expect(204);
        }
        users.push(json!({ "type": "User", "id": id(&path) }));
    }
    (users, groups)
}

/// Folders in folders and documents in them.
fn papers(users: &[Value], groups: &[Value], numbers: &mut Numbers) -> Vec<Value> {
    let mut all = Vec::new();
    for n in 0..FOLDERS {
        let inside = n > 0 && numbers.of_ten(7);
        let parent =
            inside.then(|| json!({ "type": "Folder", "id": format!("f{}", numbers.below(n)) }));
        all.push(json!({ "type": "Folder", "id": format!("f{n}"),
            "attrs": { "owner": numbers.one(users) }, "parents": Vec::from_iter(parent) }));
    }
    for n in 0..DOCUMENTS {
        let folder = json!({ "type": "Folder", "id": format!("f{}", numbers.below(FOLDERS)) });
        let attrs = json!({
            "owner": numbers.one(users),
            "readers": numbers.some(groups),
            "editors": numbers.some(groups),
            "public": numbers.of_ten(2),
            "confidential": numbers.of_ten(3),
        });
        all.push(json!({ "type": "Document", "id": format!("\"d\" {n}"), "attrs": attrs,
            "parents": [folder] }));
    }
    all
}

fn requests(users: &[Value], papers: &[Value], numbers: &mut Numbers) -> Vec<Value> {
    let of_documents = ["view", "comment", "edit", "delete", "share"];
    let ask = |_| {
        let paper = numbers.one(papers).clone();
        let mut context = Map::new();
        let action = if paper["type"] == "Folder" {
            format!("folders.{}", numbers.one(&["list", "add"]))
        } else {
            if numbers.of_ten(7) {
                context.insert("factors".to_owned(), numbers.below(4).into());
            }
            format!("documents.{}", numbers.one(&of_documents))
        };
        json!({ "principal": numbers.one(users), "action": action, "context": context,
            "resource": { "type": paper["type"], "id": paper["id"] } })
    };
    (0..REQUESTS).map(ask).collect()
}

async fn the_server_and_two_libraries_agree(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ mode: strict }").await;
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let (users, groups) = people(&pdp, &mut numbers).await;
    let link = |n| {
        let folder = json!({ "type": "Folder", "id": format!("f{n}") });
        let whom = if n % 2 == 0 { numbers.one(&users) } else { numbers.one(&groups) };
        json!({ "id": format!("shared {n}"), "template": "folders.shared", "principal": whom,
            "resource": folder })
    };
    let links: Vec<Value> = (0..FOLDERS / 3).map(link).collect();
    pdp.activate(&json!({
        "schema": file("schema.cedarschema"),
        "policies": {
            "sharing.cedar": file("sharing.cedar"),
            "confidential.cedar": file("confidential.cedar"),
        },
        "links": links,
    }))
    .await;
    let papers = papers(&users, &groups, &mut numbers);
    pdp.put(&json!(papers)).await;
    let requests = requests(&users, &papers, &mut numbers);

    let mut ours = Vec::new();
    for batch in requests.chunks(BATCH) {
        let evaluation = |r: &Value| {
            json!({ "subject": r["principal"], "action": { "name": r["action"] },
                "resource": r["resource"], "context": r["context"] })
        };
        let body: Vec<Value> = batch.iter().map(evaluation).collect();
        let answer = pdp.ask("/access/v1/evaluations", &json!({ "evaluations": body })).await;
        let answer = answer.expect(200);
        for decided in answer["evaluations"].as_array().expect("decisions") {
            assert_eq!(decided["context"].get("error"), None, "{decided}");
            ours.push(if decided["decision"] == true { "allow" } else { "deny" });
        }
    }
    let allowed = ours.iter().filter(|decision| **decision == "allow").count();
    assert!((REQUESTS / 10..REQUESTS * 9 / 10).contains(&allowed), "{allowed} of {REQUESTS}");

    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), json!(requests).to_string()).expect("written");
    for (name, mut command) in [("Rust", example("offline")), ("Node", node("offline.mjs"))] {
        command.arg(file.path());
        command.env("ISSUER", server.issuer("acme"));
        command.env("CLIENT_ID", "asker").env("CLIENT_SECRET", SECRET);
        let printed = succeed(command).await;
        let theirs: Vec<String> = serde_json::from_str(&printed).expect("a list");
        assert_eq!(theirs.len(), ours.len());
        for (request, (ours, theirs)) in requests.iter().zip(ours.iter().zip(&theirs)) {
            assert_eq!(ours, theirs, "{name}: {request}");
        }
    }
}
