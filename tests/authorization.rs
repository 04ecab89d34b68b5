//! Who may do what: every operation of the OpenAPI document has a row here.

use std::collections::{BTreeMap, BTreeSet};

use harness::{Server, both};
use reqwest::Method;

use crate::admin::support::{Answer, Holdings, sign_in, tenants};
use crate::routes::{Operation, operations};

both!(every_operation_refuses_whom_it_should);

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Anybody.
    Public,
    /// A person's browser: what it may see depends on its cookie, and it changes nothing without
    /// the token of a form of ours.
    Browser,
    /// An application that authenticates.
    Client,
    /// An access token of this tenant for userinfo.
    Token,
    /// Every role of the tenant's API keys, and operators.
    Read,
    /// An application that may ask for decisions.
    Decisions,
    /// Administrators of the tenant, and operators.
    Manage,
}

const TABLE: &[(&str, Who)] = &[
    ("openid_configuration", Who::Public),
    ("oauth_authorization_server", Who::Public),
    ("jwks", Who::Public),
    ("tenant_home", Who::Public),
    ("oauth_check_session", Who::Public),
    ("health_live", Who::Public),
    ("health_ready", Who::Public),
    ("oauth_authorize", Who::Browser),
    ("oauth_authorize_post", Who::Browser),
    ("oauth_logout", Who::Browser),
    ("oauth_logout_post", Who::Browser),
    ("login", Who::Browser),
    ("login_post", Who::Browser),
    ("login_resume", Who::Browser),
    ("login_accounts", Who::Browser),
    ("login_accounts_post", Who::Browser),
    ("login_consent", Who::Browser),
    ("login_consent_post", Who::Browser),
    ("login_sign_out", Who::Browser),
    ("account_forgot", Who::Browser),
    ("account", Who::Browser),
    ("account_applications", Who::Browser),
    ("account_applications_post", Who::Browser),
    ("account_data", Who::Browser),
    ("account_delete", Who::Browser),
    ("account_delete_post", Who::Browser),
    ("account_email", Who::Browser),
    ("account_email_post", Who::Browser),
    ("account_events", Who::Browser),
    ("account_passkeys", Who::Browser),
    ("account_passkeys_post", Who::Browser),
    ("account_password", Who::Browser),
    ("account_password_post", Who::Browser),
    ("account_phone", Who::Browser),
    ("account_phone_post", Who::Browser),
    ("account_profile", Who::Browser),
    ("account_profile_post", Who::Browser),
    ("account_recovery_codes", Who::Browser),
    ("account_recovery_codes_post", Who::Browser),
    ("account_sessions", Who::Browser),
    ("account_sessions_post", Who::Browser),
    ("account_totp", Who::Browser),
    ("account_totp_post", Who::Browser),
    ("login_email_post", Who::Browser),
    ("login_enrol", Who::Browser),
    ("login_factor", Who::Browser),
    ("login_factor_post", Who::Browser),
    ("login_passkey_post", Who::Browser),
    ("account_forgot_post", Who::Browser),
    ("account_register", Who::Browser),
    ("account_register_post", Who::Browser),
    ("account_link", Who::Browser),
    ("account_link_post", Who::Browser),
    ("oauth_token", Who::Client),
    ("oauth_introspect", Who::Client),
    ("oauth_revoke", Who::Client),
    ("oauth_userinfo", Who::Token),
    ("oauth_userinfo_post", Who::Token),
    ("authzen_configuration", Who::Public),
    ("access_evaluation", Who::Decisions),
    ("access_evaluations", Who::Decisions),
    ("access_search_subject", Who::Decisions),
    ("access_search_resource", Who::Decisions),
    ("access_search_action", Who::Decisions),
    ("authz_decide", Who::Decisions),
    ("authz_snapshot", Who::Decisions),
    ("policies_get", Who::Read),
    ("policy_drafts_list", Who::Read),
    ("policy_drafts_create", Who::Manage),
    ("policy_drafts_get", Who::Read),
    ("policy_drafts_update", Who::Manage),
    ("policy_drafts_delete", Who::Manage),
    ("policy_drafts_validate", Who::Read),
    ("policy_drafts_activate", Who::Manage),
    ("policy_drafts_replay", Who::Manage),
    ("policy_replays_get", Who::Read),
    ("policy_versions_list", Who::Read),
    ("policy_versions_get", Who::Read),
    ("policy_versions_diff", Who::Read),
    ("policy_versions_activate", Who::Manage),
    ("decisions_list", Who::Read),
    ("decisions_stats", Who::Read),
    ("tenant_get", Who::Read),
    ("applications_list", Who::Read),
    ("applications_get", Who::Read),
    ("applications_create", Who::Manage),
    ("applications_update", Who::Manage),
    ("applications_delete", Who::Manage),
    ("users_list", Who::Read),
    ("users_get", Who::Read),
    ("users_create", Who::Manage),
    ("users_update", Who::Manage),
    ("users_delete", Who::Manage),
    ("users_invite", Who::Manage),
    ("users_factors_list", Who::Read),
    ("users_factors_delete", Who::Manage),
    ("signing_keys_list", Who::Read),
    ("signing_keys_rotate", Who::Manage),
    ("signing_keys_revoke", Who::Manage),
    ("groups_list", Who::Read),
    ("groups_get", Who::Read),
    ("groups_create", Who::Manage),
    ("groups_update", Who::Manage),
    ("groups_delete", Who::Manage),
    ("groups_members_list", Who::Read),
    ("groups_members_add", Who::Manage),
    ("groups_members_remove", Who::Manage),
    ("organizations_list", Who::Read),
    ("organizations_get", Who::Read),
    ("organizations_create", Who::Manage),
    ("organizations_update", Who::Manage),
    ("organizations_delete", Who::Manage),
    ("organizations_members_list", Who::Read),
    ("organizations_members_add", Who::Manage),
    ("organizations_members_remove", Who::Manage),
    ("roles_list", Who::Read),
    ("roles_get", Who::Read),
    ("roles_create", Who::Manage),
    ("roles_update", Who::Manage),
    ("roles_delete", Who::Manage),
    ("role_assignments_list", Who::Read),
    ("role_assignments_get", Who::Read),
    ("role_assignments_create", Who::Manage),
    ("role_assignments_delete", Who::Manage),
    ("entities_list", Who::Read),
    ("entities_get", Who::Read),
    ("entities_put", Who::Manage),
    ("entities_update", Who::Manage),
    ("entities_delete", Who::Manage),
    ("entities_bulk", Who::Manage),
];

/// Every credential there is, by name.
fn credentials(
    keys: &BTreeMap<&'static str, String>,
    held: &Holdings,
) -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = keys.iter().map(|(name, key)| (*name, format!("Bearer {key}"))).collect();
    let viewer = &keys["viewer"];
    let edited = format!("Bearer {}AAAA", &viewer[..viewer.len() - 4]);
    all.push(("anonymous", String::new()));
    all.push(("not bearer", format!("Token {viewer}")));
    all.push(("edited", edited));
    all.push(("garbage", "Bearer  gar;bage \"".into()));
    all.push(("user token", format!("Bearer {}", held.access_token)));
    all.push(("refresh token", format!("Bearer {}", held.refresh_token)));
    all.push(("id token", format!("Bearer {}", held.id_token)));
    // acme-web with its secret, as HTTP Basic.
    all.push(("client", "Basic YWNtZS13ZWI6dGhlLXNlY3JldC1vZi1hY21lLTAxMjM0NTY3ODk=".into()));
    all
}

async fn every_operation_refuses_whom_it_should(server: &Server) {
    let all = operations();
    let known: BTreeSet<&str> = TABLE.iter().map(|(id, _)| *id).collect();
    let there: BTreeSet<&str> = all.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(known, there, "every operation has one row in the table above");
    tenants(server).await;
    let held = sign_in(server, "acme").await;
    let mut keys = BTreeMap::new();
    for (name, slug, roles) in [
        ("viewer", "acme", &["viewer"][..]),
        ("admin", "acme", &["admin"]),
        ("owner", "acme", &["owner"]),
        ("no role", "acme", &[]),
        ("self-made operator", "acme", &["operator"]),
        ("operator", "system", &["operator"]),
        ("admin of the system", "system", &["admin"]),
        ("foreign admin", "globex", &["admin"]),
    ] {
        keys.insert(name, server.api_key(slug, roles).await);
    }
    let before = server.row_counts().await;
    for operation in &all {
        let (_, who) = TABLE.iter().find(|(id, _)| *id == operation.id).expect("compared above");
        for (name, credential) in credentials(&keys, &held) {
            let answer = call(server, operation, &credential).await;
            check(operation, *who, name, &answer);
        }
    }
    // The calls that were let in named nothing that is there, and had no body.
    let after = server.row_counts().await;
    for table in [
        "users",
        "applications",
        "signing_keys",
        "sessions",
        "grants",
        "codes",
        "refresh_families",
        "jobs",
        "account_links",
        "groups",
        "roles",
        "role_assignments",
        "organizations",
        "objects",
    ] {
        assert_eq!(before[table], after[table], "{table}");
    }
}

fn check(operation: &Operation, who: Who, name: &str, answer: &Answer) {
    let status = answer.status;
    let row =
        format!("{} {} as {name}: {status} {}", operation.method, operation.path, answer.text);
    assert!(status < 500, "{row}");
    match who {
        Who::Public => assert!(status < 400, "{row}"),
        Who::Browser
            if operation.method == "POST"
                && operation.id.starts_with(['l', 'a'])
                && !operation.id.starts_with("oauth") =>
        {
            assert!((400..500).contains(&status), "{row}");
        }
        Who::Browser => assert_ne!(status, 204, "{row}"),
        Who::Client if name == "client" => assert_ne!(status, 401, "{row}"),
        Who::Client => assert!(matches!(status, 400 | 401), "{row}"),
        // acme-web lacks the scope.
        Who::Decisions if name == "client" => assert_eq!(status, 403, "{row}"),
        Who::Decisions => assert_eq!(status, 401, "{row}"),
        Who::Token if name == "user token" => assert_eq!(status, 200, "{row}"),
        Who::Token => assert!(matches!(status, 400 | 401), "{row}"),
        Who::Read | Who::Manage => {
            let wanted = match name {
                "admin" | "owner" | "operator" => None,
                "viewer" if who == Who::Read => None,
                "viewer" | "no role" | "self-made operator" | "admin of the system" => {
                    Some((403, "forbidden"))
                }
                _ => Some((401, "unauthenticated")),
            };
            match wanted {
                None => assert!(!matches!(status, 401 | 403), "{row}"),
                Some((status, slug)) => drop(answer.problem(status, slug)),
            }
        }
    }
}

async fn call(server: &Server, operation: &Operation, credential: &str) -> Answer {
    let method = Method::from_bytes(operation.method.as_bytes()).expect("a method");
    // An id that nothing has.
    let kind = match operation.path.split('/').nth(3) {
        Some("users") => "usr",
        Some("signing-keys") => "sig",
        Some("groups") => "grp",
        Some("organizations") => "org",
        Some("role-assignments") => "asg",
        Some("policies") if operation.path.contains("/replays/") => "rpl",
        Some("policies") => "drf",
        _ => "app",
    };
    let path = operation.path.replace("{id}", &format!("{kind}_{:032x}", 0xab));
    let path = path.replace("{user}", &format!("usr_{:032x}", 0xab));
    let path = path.replace("{name}", "ghost").replace("{type}", "Ghost").replace("{number}", "9");
    let base =
        if path.starts_with("/health") { server.base.clone() } else { server.issuer("acme") };
    let mut request = server.http.request(method, format!("{base}{path}"));
    if !credential.is_empty() {
        request = request.header("authorization", credential.as_bytes());
    }
    if operation.method == "POST" && !operation.path.starts_with("/api/") {
        let form = [("grant_type", "client_credentials"), ("token", "x")];
        let form = if operation.id == "oauth_userinfo_post" { &[][..] } else { &form[..] };
        request = request.form(form);
    }
    Answer::of(request).await
}
