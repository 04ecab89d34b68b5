//! Policies and entities change at one node: the other decides by them too.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::Cluster;
use serde_json::{Value, json};

use super::outages::redis_command;
use super::{Duration, on_a_cluster};

on_a_cluster!(changes_arrive_at_the_other_node, versions_are_activated_at_both_nodes_at_once);

const SECRET: &str = "the-secret-of-the-asker-0123456789";

fn manifest() -> String {
    format!(
        "tenant: {{ slug: acme, name: Acme, settings: {{ limits: {{ enabled: false }} }} }}\n\
         applications:\n\
         \x20 - {{ client_id: asker, name: Asker, type: machine, client_secret: {SECRET}, scopes: [authz] }}\n"
    )
}

/// An administrator, at any node.
struct Admin<'c> {
    cluster: &'c Cluster,
    key: String,
}

impl<'c> Admin<'c> {
    async fn new(cluster: &'c Cluster) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "a-password-of-the-operator-1843").expect("writable");
        let password = file.path().display().to_string();
        let arguments = ["init", "--operator-email", "operator@example.com", "--output", "json"];
        let arguments = [&arguments[..], &["--operator-password-file", &password]].concat();
        let made = cluster.command(&arguments).output().expect("the binary runs");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        Self { cluster, key: made["api_key"].as_str().expect("a key").to_owned() }
    }

    async fn send(&self, base: &str, (path, body): (&str, &Value)) -> (u16, Value) {
        let request = self.cluster.http.post(format!("{base}/t/acme/api/v1{path}"));
        let request = request.bearer_auth(&self.key).header("if-match", "*").json(body);
        let answer = request.send().await.expect("the node answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("JSON"))
    }

    /// A draft that permits everything by a policy of this name.
    async fn draft(&self, base: &str, name: &str) -> String {
        let text = format!("@id(\"{name}\") permit (principal, action, resource is door);");
        let bundle = json!({ "policies": { "a.cedar": text } });
        let (status, draft) = self.send(base, ("/policies/drafts", &bundle)).await;
        assert_eq!(status, 201, "{draft}");
        draft["id"].as_str().expect("an id").to_owned()
    }

    async fn activate(&self, base: &str, draft: &str) -> (u16, Value) {
        let path = format!("/policies/drafts/{draft}/activate");
        self.send(base, (&path, &json!({}))).await
    }

    async fn write(&self, base: &str, entity: &Value) {
        let body = json!({ "put": [entity] });
        let (status, done) = self.send(base, ("/entities/bulk", &body)).await;
        assert_eq!(status, 200, "{done}");
    }
}

/// The decision of a node: whether it is allowed, and by which policies.
async fn decision(cluster: &Cluster, base: &str) -> (bool, Vec<String>) {
    let body = json!({
        "subject": { "type": "robot", "id": "r" }, "action": { "name": "open" },
        "resource": { "type": "door", "id": "1" },
    });
    let request = cluster.http.post(format!("{base}/t/acme/access/v1/evaluation"));
    let answer = request.basic_auth("asker", Some(SECRET)).json(&body).send().await;
    let answer: Value = answer.expect("the node answers").json().await.expect("JSON");
    let names = answer["context"]["policies"].as_array().into_iter().flatten();
    let names = names.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    (answer["decision"].as_bool().unwrap_or_else(|| panic!("{answer}")), names)
}

/// Waits until a node decides like this.
async fn decides(cluster: &Cluster, base: &str, wanted: (bool, &[&str])) {
    let mut last = (false, Vec::new());
    for _ in 0..100 {
        last = decision(cluster, base).await;
        if last.0 == wanted.0 && last.1 == wanted.1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{base} goes on to decide {last:?}, not {wanted:?}");
}

/// What is in force at the node that was told is so at once, and at the other soon, whether it is
/// told through Redis or has to look.
async fn changes_arrive_at_the_other_node() {
    let cluster = &Cluster::start(&manifest()).await;
    let [one, two] = &cluster.nodes;
    let admin = Admin::new(cluster).await;
    let level = |n: i64| json!({ "type": "door", "id": "1", "attrs": { "locked": n } });
    for (round, told) in [true, false].into_iter().enumerate() {
        if !told {
            redis_command(cluster, "ACL SETUSER default -publish").await;
        }
        let name = format!("open{round}");
        let draft = admin.draft(&one.base, &name).await;
        assert_eq!(admin.activate(&one.base, &draft).await.0, 200);
        assert_eq!(decision(cluster, &one.base).await, (true, vec![name.clone()]), "here at once");
        decides(cluster, &two.base, (true, &[&name])).await;
        let text = "@id(\"locked\") forbid (principal, action, resource is door)
            when { resource has locked && resource.locked > 0 };
            @id(\"free\") permit (principal, action, resource is door);";
        let bundle = json!({ "policies": { "a.cedar": text } });
        let (_, draft) = admin.send(&two.base, ("/policies/drafts", &bundle)).await;
        let draft = draft["id"].as_str().expect("an id");
        assert_eq!(admin.activate(&two.base, draft).await.0, 200);
        for (locked, wanted) in [(0, (true, "free")), (1, (false, "locked")), (0, (true, "free"))] {
            admin.write(&two.base, &level(locked)).await;
            let now = (wanted.0, vec![wanted.1.to_owned()]);
            assert_eq!(decision(cluster, &two.base).await, now, "here at once");
            decides(cluster, &one.base, (wanted.0, &[wanted.1])).await;
        }
    }
}

/// Versions are activated at both nodes at the same time: each that is answered with success is a
/// version of its own, and in the end both nodes decide by the last of them.
async fn versions_are_activated_at_both_nodes_at_once() {
    let cluster = &Cluster::start(&manifest()).await;
    let admin = &Admin::new(cluster).await;
    let lane = async |n: usize| {
        let base = &cluster.nodes[n % 2].base;
        let mut made = Vec::new();
        for turn in 0..5 {
            let name = format!("p{n}.{turn}");
            let draft = admin.draft(base, &name).await;
            let (status, answer) = admin.activate(base, &draft).await;
            match status {
                200 => made.push((answer["number"].as_i64().expect("a number"), name)),
                // Somebody else was faster, more than once.
                409 | 412 => {}
                _ => panic!("{status} {answer}"),
            }
            // A node decides all the time, and by one whole version.
            let deciding = decision(cluster, base).await.1.len();
            assert!(deciding == 1 || (deciding == 0 && made.is_empty()), "{deciding} policies");
        }
        made
    };
    let mut made = join_all((0..6).map(lane)).await.concat();
    made.sort_unstable();
    let numbers: BTreeSet<i64> = made.iter().map(|(number, _)| *number).collect();
    let count = i64::try_from(made.len()).expect("small");
    assert_eq!(numbers, (1..=count).collect(), "every version once: {made:?}");
    let (_, last) = made.last().expect("somebody was first");
    for node in &cluster.nodes {
        decides(cluster, &node.base, (true, &[last])).await;
    }
    let kept = cluster.number("SELECT COUNT(*) FROM policy_versions").await;
    assert_eq!(kept, count, "nothing half activated");
}
