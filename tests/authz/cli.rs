//! Policies as code: `bailiwick policies` on folders, and beside a server.

use std::path::Path;
use std::process::{Command, Output};

use harness::clients::{bailiwick, root, succeed};
use harness::{Options, Server, both};
use serde_json::{Value, json};

use super::support::Pdp;

both!(Options::real_time() =>
    a_folder_is_compared_and_pushed,
    folders_are_for_organizations_and_the_management_api,
);

const EXAMPLES: [&str; 3] = ["crm", "documents", "marketplace"];

fn policies(arguments: &[&str]) -> Command {
    let mut command = bailiwick();
    command.arg("policies").args(arguments).current_dir(root()).env_remove("BAILIWICK_API_KEY");
    command
}

/// What it printed, and whether it ended with 0.
fn run(arguments: &[&str]) -> (bool, String, String) {
    ended(policies(arguments).output().expect("it starts"))
}

fn ended(output: Output) -> (bool, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

#[test]
fn the_examples_are_valid_and_pass() {
    for example in EXAMPLES {
        let folder = format!("examples/policies/{example}");
        let (done, out, err) = run(&["validate", &folder]);
        assert!(done && out.contains("are valid (strict)"), "{out}{err}");
        assert_eq!(out.lines().count(), 1, "no warnings: {out}");
        let (done, out, err) = run(&["test", &folder, "--output", "json"]);
        assert!(done, "{out}{err}");
        let report: Value = serde_json::from_str(&out).expect("JSON");
        assert!(report["passed"].as_u64() >= Some(9), "{report}");
        assert_eq!(report["failed"], 0);
    }
}

#[test]
fn mistakes_have_places_and_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    write(
        folder.path(),
        "schema.cedarschema",
        "entity Paper = { owner: User };\naction view \
        appliesTo { principal: User, resource: Paper };\n",
    );
    let policy =
        "// Owners.\n@id(\"own\")\npermit (principal, action == Action::\"veiw\", resource);\n";
    write(folder.path(), "a.cedar", policy);
    let (done, out, err) = run(&["validate", &path]);
    assert!(!done && err.starts_with("bailiwick: 1 error in "), "{err}");
    let first = out.lines().next().expect("a line");
    assert!(first.starts_with(&format!("{path}/a.cedar:")) && first.contains(": error: "), "{out}");
    assert!(out.contains("\n  help: did you mean") && out.contains("view"), "{out}");
    let (done, out, _) = run(&["validate", &path, "--permissive"]);
    assert!(done && out.contains(": warning: "), "{out}");

    write(folder.path(), "a.cedar", &policy.replace("veiw", "view"));
    write(
        folder.path(),
        "b.cedar",
        "@id(\"never\")\nforbid (principal, action, resource)\nwhen \
        { resource.owner == User::\"nobody\" };\n",
    );
    let case = |expect: &str| {
        json!([{ "name": "anybody views", "principal": { "type": "User", "id": "u" },
            "action": "view", "resource": { "type": "Paper", "id": "p" }, "expect": expect }])
    };
    write(
        folder.path(),
        "entities.json",
        "[{\"type\": \"Paper\", \"id\": \"p\", \"attrs\": \
        {\"owner\": {\"type\": \"User\", \"id\": \"x\"}}}]",
    );
    write(folder.path(), "cases.json", &case("deny").to_string());
    let (done, out, err) = run(&["test", &path]);
    assert!(!done && err.contains("1 case of "), "{err}");
    assert!(
        out.contains("FAILED  anybody views\n        expected deny, got allow by own"),
        "{out}"
    );
    assert!(out.contains("no case is decided by: never"), "{out}");
    write(folder.path(), "cases.json", &case("allow").to_string());
    let (done, out, err) = run(&["test", &path]);
    assert!(done && out.contains("1 passed, 0 failed"), "{out}{err}");

    write(folder.path(), "cases.json", "[\n  {\"name\": 1}\n]");
    let (done, out, _) = run(&["test", &path]);
    assert!(!done && out.contains("/cases.json:2:"), "{out}");
    write(folder.path(), "entities.json", "[{\"type\": \"Paper\", \"id\": \"p\"}]");
    let (done, out, _) = run(&["validate", &path, "--output", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert!(!done && report["valid"] == false, "{out}");
    let files = report["findings"].as_array().expect("a list").iter();
    let files: Vec<_> = files.map(|f| f["file"].as_str().expect("a file").to_owned()).collect();
    assert_eq!(files, [format!("{path}/cases.json"), format!("{path}/entities.json")]);
}

#[test]
fn two_folders_are_compared() {
    let (old, new) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    write(old.path(), "a.cedar", "@id(\"x\")\npermit (principal, action, resource);\n");
    write(new.path(), "a.cedar", "@id(\"x\")\nforbid (principal, action, resource);\n");
    let paths = [old.path().display().to_string(), new.path().display().to_string()];
    let (done, out, err) = run(&["diff", &paths[0], &paths[1]]);
    assert!(done && out.starts_with("changed: policy x (a.cedar)\n"), "{out}{err}");
    assert!(out.contains("\n-permit (") && out.contains("\n+forbid ("), "{out}");
    let (done, out, _) = run(&["diff", &paths[0], &paths[0]]);
    assert_eq!((done, out.as_str()), (true, "nothing is different\n"));
    let (done, _, err) = run(&["diff", &paths[0]]);
    assert!(!done && err.contains("--url"), "{err}");
    let (done, _, err) = run(&["diff", &paths[0], "--url", "https://id.example.com/t/acme"]);
    assert!(!done && err.contains("BAILIWICK_API_KEY"), "{err}");
}

async fn a_folder_is_compared_and_pushed(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ mode: strict }").await;
    let issuer = server.issuer("acme");
    let key = pdp.api.credential.clone();
    let folder = "examples/policies/documents";
    let with_key = |arguments: &[&str], key: &str| {
        let mut command = policies(arguments);
        command.args(["--url", &issuer]).env("BAILIWICK_API_KEY", key);
        command
    };
    let diff = || succeed(with_key(&["diff", folder], &key));
    let told = diff().await;
    assert!(told.contains("added: policy documents.owner (sharing.cedar)"), "{told}");
    let draft = succeed(with_key(&["push", folder, "--note", "first"], &key)).await;
    assert!(draft.starts_with("drf_") && draft.contains("does not hold yet"), "{draft}");
    assert!(diff().await.contains("added: schema"), "a draft does not hold");

    let push = ["push", folder, "--note", "change 1812", "--activate", "--output", "json"];
    let pushed: Value = serde_json::from_str(&succeed(with_key(&push, &key)).await).expect("JSON");
    assert_eq!((&pushed["valid"], &pushed["activated"]), (&json!(true), &json!(1)));
    assert_eq!(diff().await, "nothing is different\n");
    let version = pdp.api.get("/policies/versions/1").await.expect(200);
    assert_eq!((&version["note"], &version["active"]), (&json!("change 1812"), &json!(true)));

    // What the server finds is told with its place, and nothing is activated.
    let wrong = tempfile::tempdir().expect("a folder");
    write(wrong.path(), "schema.cedarschema", "entity Paper;\n");
    write(wrong.path(), "w.cedar", "permit (principal, action,\n  resource is Papre);\n");
    let path = wrong.path().display().to_string();
    let mut command = with_key(&["push", &path, "--activate"], &key);
    let ended = ended(
        tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("it waits")
            .expect("it starts"),
    );
    let (done, out, err) = ended;
    assert!(!done && err.contains("nothing was activated"), "{err}");
    assert!(out.starts_with(&format!("{path}/w.cedar:")) && out.contains("Paper"), "{out}");
    assert_eq!(pdp.api.get("/policies").await.expect(200)["active"], 1);

    let viewer = server.api_key("acme", &["viewer"]).await;
    let mut command = with_key(&["push", folder, "--activate"], &viewer);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it waits");
    let (done, _, err) = self::ended(output.expect("it starts"));
    assert!(!done && err.contains("403"), "{err}");
    assert!(!err.contains(&viewer), "{err}");
}

async fn folders_are_for_organizations_and_the_management_api(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let owner = server.api_key("acme", &["owner"]).await;
    let (issuer, folder) = (server.issuer("acme"), tempfile::tempdir().expect("a folder"));
    let path = folder.path().display().to_string();
    write(folder.path(), "o.cedar", "@id(\"theirs\")\npermit (principal, action, resource);\n");
    let run = async |command: &str, more: &[&str]| {
        let mut run = policies(&[command, &path, "--url", &issuer]);
        run.args(more).env("BAILIWICK_API_KEY", &owner);
        succeed(run).await
    };
    let organization = pdp.api.create("/organizations", &json!({ "name": "Globex" })).await;
    let organization = organization.rsplit('/').next().expect("an id");
    let of = ["--organization", organization];
    assert!(run("diff", &of).await.starts_with("added: policy theirs"));
    let told = run("push", &["--activate", "--organization", organization]).await;
    assert!(told.contains("version 1 holds"), "{told}");
    assert_eq!(run("diff", &of).await, "nothing is different\n");
    assert!(run("diff", &[]).await.starts_with("added:"), "only there");

    let told = run("diff", &["--management"]).await;
    assert!(told.contains("removed: policy administrators (management.cedar)"), "{told}");
    let told = run("push", &["--management", "--activate"]).await;
    assert!(told.contains("version 1 holds"), "{told}");
    assert_eq!(run("diff", &["--management"]).await, "nothing is different\n");
    let (done, _, err) = self::run(&["diff", &path, &path, "--management"]);
    assert!(!done && err.contains("--url"), "{err}");
}
