use bailiwick_domain::application::{
    AccessTokenClaim, ApplicationType, AuthMethod, Lifetimes, SigningAlg, SubjectType,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$MTIzNDU2Nzg5MDEyMzQ1Ng$\
     2NRtzbaYkIrxA3AVI+3fRxPjnDfDvwhBQ8ml7Ts2bQM";

fn read_as(text: &str, development: bool) -> Result<Manifest, Vec<Mistake>> {
    let variable = |name: &str| match name {
        "SECRET" => Some("from-the-environment-24-chars".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    read(text, &Rules { development, variable: &variable })
}

/// The mistakes as `line: path: message`, in development mode.
fn mistakes(text: &str) -> Vec<String> {
    let list = read_as(text, true).err().unwrap_or_default();
    list.iter().map(ToString::to_string).collect()
}

/// A document of one application with these lines; they start in line 6.
fn application(lines: &str) -> String {
    let lines: String = lines.lines().map(|l| format!("    {l}\n")).collect();
    format!(
        "tenant: {{ slug: acme, name: Acme }}\napplications:\n  - client_id: a\n    name: A\n    \
         type: web\n{lines}"
    )
}

/// A document of one user with these lines; they start in line 4.
fn user(lines: &str) -> String {
    let lines: String = lines.lines().map(|l| format!("    {l}\n")).collect();
    format!("tenant: {{ slug: acme, name: Acme }}\nusers:\n  - email: a@example.com\n{lines}")
}

const URIS: &str = "redirect_uris: [https://a.example/cb]\n";

#[test]
fn every_mistake_has_its_line_and_path() {
    for (text, expected) in [
        (String::new(), "1: tenant: there is no tenant in this file"),
        ("- a\n".into(), "1: must be a map of tenant, applications, users"),
        ("tenant: {slug: acme}\n".into(), "1: tenant.name: is missing"),
        ("tenant: {slug: acme, name: }\n".into(), "1: tenant.name: must not be empty"),
        (
            "tenant:\n  slug: Acme\n  name: A\n".into(),
            "2: tenant.slug: must be 2 to 40 of a-z, 0-9 and -",
        ),
        (
            "tenant:\n  slug: acme\n  name: 2024\n".into(),
            "3: tenant.name: must be a text: put it in quotes",
        ),
        (
            "tenant:\n  slug: acme\n  name: A\n  settings:\n    limits: {enable: false}\n".into(),
            "5: tenant.settings.limits.enable: unknown key; did you mean enabled?",
        ),
        (
            "tenant:\n  slug: acme\n  name: A\n  settings:\n    limits: {enabled: no}\n".into(),
            "5: tenant.settings.limits.enabled: must be true or false",
        ),
        (
            "tenant:\n  slug: acme\n  name: A\n  settings:\n    theme:\n      accent: red\n".into(),
            "6: tenant.settings.theme.accent: must be a colour like #1a5fb4",
        ),
        ("tenant: {slug: acme, name: A}\nclients: []\n".into(), "2: clients: unknown key"),
        (
            "tenant: {slug: acme, name: A}\n---\ntenant: {slug: acme, name: B}\n".into(),
            "3: tenant.slug: this slug is already in line 1",
        ),
        (
            "tenant: [\n".into(),
            "2: not valid YAML: while parsing a node, did not find expected node content",
        ),
        (
            application(
                "redirect_uri: https://a.example/cb\nredirect_uris: [https://a.example/cb]",
            ),
            "6: applications[0].redirect_uri: unknown key; did you mean redirect_uris?",
        ),
        (
            application("redirect_uris:\n  - https://a.example/cb\n  - http://a.example/cb"),
            "8: applications[0].redirect_uris[1]: must be https (http only on loopback: native, or \
             development mode)",
        ),
        (
            application(&format!("{URIS}scopes: [openid, 'a b']")),
            "7: applications[0].scopes[1]: must be of printable ASCII without spaces, quotes and \
             backslashes",
        ),
        (
            application(&format!("{URIS}grant_types: [authorisation_code]")),
            "7: applications[0].grant_types[0]: must be one of authorization_code, refresh_token, \
             client_credentials, implicit; did you mean authorization_code?",
        ),
        (
            application(&format!("{URIS}lifetimes:\n  code: 60s")),
            "8: applications[0].lifetimes.code: must be a whole number of seconds",
        ),
        (
            application(&format!("{URIS}lifetimes:\n  code: 601")),
            "8: applications[0].lifetimes.code: must be 1 to 600 seconds",
        ),
        (application("type: web\nredirect_uris: []"), "6: applications[0].type: is given twice"),
        (
            application(&format!("{URIS}client_secret: short")),
            "7: applications[0].client_secret: must have 8 to 512 characters; left out, one is made",
        ),
        (
            application(&format!("{URIS}client_secret: \"${{NOT_SET}}\"")),
            "7: applications[0].client_secret: the environment variable NOT_SET is not set",
        ),
        (
            application(&format!("{URIS}client_secret: \"${{EMPTY}}\"")),
            "7: applications[0].client_secret: the environment variable EMPTY is not set",
        ),
        (
            application(&format!("{URIS}client_secret: \"${{A-B}}\"")),
            "7: applications[0].client_secret: ${...} names an environment variable: letters, \
             digits and _",
        ),
        (
            application(&format!(
                "{URIS}token_endpoint_auth_method: none\nclient_secret: long-enough"
            )),
            "8: applications[0].client_secret: this application authenticates without a secret: \
             leave it out",
        ),
        (
            format!("{}  - {{client_id: a, name: B, type: machine}}\n", application(URIS)),
            "7: applications[0].client_id: this client_id is already in line 3",
        ),
        (
            user("emial_verified: true"),
            "4: users[0].emial_verified: unknown key; did you mean email_verified?",
        ),
        (user("password: short"), "4: users[0].password: must have 8 to 1024 bytes"),
        (user("password: 12345678"), "4: users[0].password: must be a text: put it in quotes"),
        (
            user("password_hash: 5f4dcc3b"),
            &format!("4: users[0].password_hash: {}", crate::password::ACCEPTED),
        ),
        (
            user(&format!("password: long-enough\npassword_hash: {HASH}")),
            "5: users[0].password_hash: give password or password_hash, not both",
        ),
        (
            user("claims:\n  sub: me"),
            "4: users[0].claims: the claim sub is made by the platform and cannot be set",
        ),
        (user("name: \"a\\0b\""), "4: users[0].name: must not hold a NUL character"),
        (
            user("claims: { x: [ { y: \"\\0\" } ] }"),
            "4: users[0].claims.x[0].y: must not hold a NUL character",
        ),
        (user("claims: [a]"), "4: users[0].claims: must be a map"),
        (
            format!("{}  - {{email: A@Example.com}}\n", user("name: A")),
            "5: users[1].email: this email is already in line 3",
        ),
        (
            "tenant: {slug: acme, name: A}\nusers:\n  - email: nobody\n".into(),
            "3: users[0].email: is not an e-mail address",
        ),
        (user("name: !secret x"), "4: the tag !secret has no meaning here"),
    ] {
        let expected =
            expected.replace("7: applications[0].client_id", "7: applications[1].client_id");
        assert_eq!(mistakes(&text), [expected], "{text}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_lines() {
    let text = "tenant: { slug: acme, name: A, colour: red }\napplications:\n  - client_id: a\n    \
         name: A\n    type: webb\n  - client_id: b\n    name: B\n    type: spa\nusers:\n  - email: x\n";
    let lines: Vec<usize> = read_as(text, true).err().unwrap().iter().map(|m| m.line).collect();
    assert_eq!(lines, [1, 5, 6, 10]);
}

#[test]
fn a_whole_manifest_in_yaml_and_in_json() {
    let yaml = format!(
        "# two tenants\ntenant: {{ slug: acme, name: Acme \u{1f600}, settings: {{ limits: {{ enabled: \
         false }} }} }}\napplications:\n  - &web\n    client_id: web\n    name: Web\n    type: web\n    \
         client_secret: \"${{SECRET}}\"\n    redirect_uris: &uris [https://a.example/cb]\n    \
         backchannel_logout_uri: https://a.example/out\n  - client_id: spa\n    name: Spa\n    \
         type: spa\n    redirect_uris: *uris\nusers:\n  - email: ' Ada@Example.com'\n    \
         password_hash: {HASH}\n    claims: {{ locale: en, nickname: null }}\n---\n\
         tenant: {{ slug: other, name: Other }}\n---\n"
    );
    let manifest = read_as(&yaml, false).unwrap();
    let [acme, other] = &manifest.tenants[..] else { panic!("two tenants") };
    assert_eq!((acme.slug.as_str(), other.slug.as_str()), ("acme", "other"));
    assert_eq!(acme.name, "Acme \u{1f600}");
    assert_eq!(acme.settings, json!({ "limits": { "enabled": false } }));
    let [web, spa] = &acme.applications[..] else { panic!("two applications") };
    assert_eq!(web.spec.kind, ApplicationType::Web);
    assert_eq!(web.spec.auth_method(), AuthMethod::ClientSecretBasic);
    assert_eq!(web.spec.backchannel_logout_uri.as_deref(), Some("https://a.example/out"));
    let secret = web.client_secret.as_ref().map(secrecy::ExposeSecret::expose_secret);
    assert_eq!(secret, Some("from-the-environment-24-chars"));
    assert_eq!(spa.spec.redirect_uris, web.spec.redirect_uris);
    let [ada] = &acme.users[..] else { panic!("one user") };
    assert_eq!((ada.key.as_str(), ada.email.as_str()), ("ada@example.com", "Ada@Example.com"));
    assert!(matches!(&ada.password, Some(Password::Hashed(hash)) if hash == HASH));
    assert_eq!(ada.email_verified, None);

    // As Python writes JSON: characters beyond the basic plane as two escapes.
    let json = r#"{
	"tenant": {"slug": "acme", "name": "Acme \ud83d\ude00 \\u0041 \u00e9"},
	"users": [{"email": "ada@example.com", "email_verified": true}]
}"#;
    let manifest = read_as(json, true).unwrap();
    assert_eq!(manifest.tenants[0].name, "Acme \u{1f600} \\u0041 \u{e9}");
    assert_eq!(manifest.tenants[0].users[0].email_verified, Some(true));
    assert_eq!(
        mistakes(&json.replace("email_verified", "emailVerified")),
        ["3: users[0].emailVerified: unknown key; did you mean email_verified?"]
    );
}

#[test]
fn a_short_secret_is_a_warning_in_development_and_a_mistake_in_production() {
    let text = application(&format!("{URIS}client_secret: only-sixteen-ch"));
    let manifest = read_as(&text, true).unwrap();
    assert_eq!(manifest.warnings.len(), 1);
    let list = read_as(&text, false).unwrap_err();
    assert_eq!((list[0].line, list[0].path.as_str()), (7, "applications[0].client_secret"));
}

#[test]
fn small_texts_do_not_become_huge_or_deep() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x]\n");
    for i in 1..20 {
        let alias = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![alias; 8].join(", ")));
    }
    assert!(mistakes(&bomb)[0].ends_with("the file holds too much: split it"));
    let mut deep = String::from("a0: &a0 [x]\n");
    for i in 1..100 {
        deep.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert!(mistakes(&deep)[0].ends_with("levels deep"));
    assert!(!mistakes(&"[".repeat(100_000)).is_empty());
    assert!(!mistakes(&"{a: ".repeat(100_000)).is_empty());
    assert_eq!(mistakes("a: &a [*a]\n"), ["1: an alias within its own anchor"]);
}

/// The tables of shapes and the types that are stored know the same members.
#[test]
fn the_tables_name_every_member_of_the_types() {
    let spec = ApplicationSpec {
        client_id: "a".into(),
        name: "A".into(),
        kind: ApplicationType::Web,
        redirect_uris: vec![String::new()],
        post_logout_redirect_uris: vec![String::new()],
        grant_types: Vec::new(),
        response_types: Vec::new(),
        scopes: Default::default(),
        token_endpoint_auth_method: Some(AuthMethod::None),
        jwks: Some(json!({})),
        jwks_uri: Some(String::new()),
        id_token_signed_response_alg: Some(SigningAlg::ES256),
        first_party: false,
        required_acr: Some(bailiwick_domain::Acr::Two),
        lifetimes: Lifetimes::default(),
        allowed_origins: vec![String::new()],
        backchannel_logout_uri: Some(String::new()),
        backchannel_logout_session_required: false,
        frontchannel_logout_uri: Some(String::new()),
        frontchannel_logout_session_required: false,
        access_token_claims: [AccessTokenClaim::Roles].into(),
        audiences: vec![String::new()],
        subject_type: SubjectType::Public,
    };
    let settings = json!({ "limits": {}, "sessions": {}, "accounts": { "email_domains": ["a.example"] }, "mfa": {}, "risk": {}, "passwords": {}, "keys": {}, "authz": {"log": {}}, "theme": { "accent": "", "accent_dark": "", "logo": "" }, "mail": { "from": "" }, "templates": {"base.html": ""}, "flags": {} });
    let settings: bailiwick_domain::TenantSettings = serde_json::from_value(settings).unwrap();
    same_members("", &serde_json::to_value(spec).unwrap(), shape::APPLICATION, &["client_secret"]);
    same_members("", &serde_json::to_value(settings).unwrap(), shape::SETTINGS, &[]);
}

fn same_members(path: &str, value: &Value, members: &[shape::Member], only_ours: &[&str]) {
    let mut theirs: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    theirs.extend(only_ours);
    theirs.sort_unstable();
    let mut ours: Vec<&str> = members.iter().map(|m| m.0).collect();
    ours.sort_unstable();
    assert_eq!(ours, theirs, "{path}");
    for shape::Member(name, _, shape) in members {
        if let shape::Shape::Map(below) = shape {
            same_members(name, &value[name], below, &[]);
        }
    }
}

#[test]
fn merge_patch_as_in_the_rfc() {
    // RFC 7396, appendix A.
    for (target, patch, merged) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a":"foo"}), json!("bar"), json!("bar")),
        (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
        (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
        (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
    ] {
        let mut value = target.clone();
        merge(&mut value, &patch);
        assert_eq!(value, merged, "{target} {patch}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _ = read_as(&text, true);
    }

    #[test]
    fn any_text_of_yaml_characters_is_read_or_refused(
        text in r#"[ \n\t:{}\[\],&*!|>'"%#?a-d0-9\\.$-]{0,200}"#
    ) {
        let _ = read_as(&text, true);
    }

    #[test]
    fn a_manifest_with_something_else_in_it_is_read_or_refused(
        at in 0..600_usize, put in r#"[ \n:{}\[\],&*!|>'"\\u0-9a-f~]{0,6}"#
    ) {
        let mut text = format!("{}users: [{{email: a@b.c, claims: {{x: 1}}}}]\n", application(URIS));
        let at = text.char_indices().map(|(i, _)| i).nth(at % text.len()).unwrap_or(0);
        text.insert_str(at, &put);
        let _ = read_as(&text, true);
    }

    #[test]
    fn json_is_read_as_json(name in "\\PC{1,40}", claim in any::<String>()) {
        let claim = claim.replace('\0', "");
        let value = json!({
            "tenant": { "slug": "acme", "name": "A" },
            "users": [{ "email": "a@example.com", "claims": { "nickname": name, "x": claim } }],
        });
        let ascii: String = value
            .to_string()
            .chars()
            .flat_map(|c| {
                let mut units = [0; 2];
                let escaped: String = if c.is_ascii() {
                    c.to_string()
                } else {
                    c.encode_utf16(&mut units).iter().map(|u| format!("\\u{u:04x}")).collect()
                };
                escaped.chars().collect::<Vec<_>>()
            })
            .collect();
        let manifest = read_as(&ascii, true).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        let claims = &manifest.tenants[0].users[0].claims;
        prop_assert_eq!(claims.get("nickname"), Some(&json!(name)));
        prop_assert_eq!(claims.get("x"), Some(&json!(claim)));
    }
}

#[test]
fn a_template_that_may_not_be_is_refused_with_its_place() {
    let wrong = |line: &str| {
        let head = "tenant:\n  slug: acme\n  name: A\n  settings:\n    templates:\n";
        mistakes(&format!("{head}      {line}\n")).join("; ")
    };
    for (line, why) in [
        (
            "sign_in.html: \"{% macro a() %}\"",
            "tenant.settings.templates.sign_in.html: line 1: macro",
        ),
        ("sign_in.html: \"{{ page.email|safe }}\"", "line 1: there is no filter safe"),
        ("sign_in.html: \"{% if %}\"", "syntax error"),
        ("macros.html: x", "there is no such template"),
        ("nothing.html: x", "there is no such template"),
        ("sign_in.html: 1", "must be a text"),
    ] {
        let said = wrong(line);
        assert!(said.contains(why), "{line}: {said}");
    }
    assert_eq!(wrong("sign_in.html: Hello"), "");
    let both = wrong("{ sign_in.html: \"{% macro a() %}\" }\n    risk: { notify: 900 }");
    assert!(both.contains("macro is not among") && both.contains("risk.notify"), "{both}");
    let large = format!("base.html: {}", "x".repeat(33 * 1024));
    assert!(wrong(&large).contains("32 KiB"));
}
