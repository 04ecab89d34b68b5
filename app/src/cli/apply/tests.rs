use bailiwick_actors::Options as PlatformOptions;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::user::User;
use bailiwick_domain::{Timestamp, UserId};
use bailiwick_store::users::IdentifierKind;
use bailiwick_store::vault::{Label, MasterKeyring};
use bailiwick_store::{Error as StoreError, Store, StoreConfig, audit, sessions, users};
use serde_json::json;

use super::*;
use crate::api_key;
use crate::cli::init::{self, InitError};
use crate::config::Passwords;

const FILE: &str = r#"
tenant: { slug: acme, name: Acme, settings: { limits: { enabled: false } } }
applications:
  - client_id: web
    name: Web
    type: web
    redirect_uris: [https://a.example/cb]
    grant_types: [authorization_code, refresh_token]
    scopes: [openid, email]
    backchannel_logout_uri: https://a.example/out
  - { client_id: job, name: Job, type: machine, client_secret: given-in-the-file-24-chars }
  - { client_id: spa, name: Spa, type: spa, redirect_uris: [https://s.example/cb] }
users:
  - email: Ada@example.com
    password: lovelace-1843
    email_verified: true
    name: Ada
    claims: { locale: en, nickname: A }
  - email: bob@example.com
"#;

struct World {
    platform: Platform,
    passwords: PasswordPool,
    _folder: tempfile::TempDir,
}

fn manifest(text: &str) -> Manifest {
    let rules = Rules { development: false, variable: &|_| None };
    manifest::read(text, &rules).expect("no mistakes")
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let env = Env::system();
        let file = folder.path().join("test.db");
        let config = StoreConfig {
            url: format!("sqlite://{}", file.display()).into(),
            owner_url: None,
            system_url: None,
            max_connections: 2,
            redis_url: None,
        };
        let store = Store::open(&config, &env).await.expect("opens");
        let keyring = MasterKeyring::load_or_create(&folder.path().join("master.key"), &env);
        let options = PlatformOptions {
            public_url: "https://id.example".into(),
            base_domain: None,
            development: false,
            ceilings: bailiwick_domain::limits::Ceilings::default(),
            tenant_memory: 64 << 20,
            guardrails: None,
        };
        let platform = Platform::start(store, env.clone(), keyring.expect("a keyring"), options);
        let platform = platform.await.expect("starts");
        let breach_url = "https://breaches.example".parse().expect("an address");
        let passwords = PasswordPool::start(&Passwords { threads: 2, queue: 1, breach_url }, &env);
        Self { platform, passwords: passwords.expect("starts"), _folder: folder }
    }

    async fn try_apply(&self, text: &str, options: Options) -> Result<Applied, Refused> {
        apply(&self.platform, &self.passwords, manifest(text), options).await
    }

    async fn apply(&self, text: &str) -> Report {
        let applied = self.try_apply(text, Options::default()).await.expect("is not refused");
        assert!(applied.failure.is_none(), "{:?}", applied.failure);
        applied.report
    }

    async fn tenant(&self) -> bailiwick_actors::TenantHandle {
        let route = self.platform.by_slug("acme").await.expect("answers");
        route.expect("the tenant is there").tenant
    }

    async fn user(&self, email: &str) -> Option<User> {
        let id = self.tenant().await.view().tenant.id;
        let email = normalize_email(email).expect("an address");
        let read = move |tx| async move { users::by_email(&tx, id, &email).await };
        self.platform.store().read::<_, StoreError, _, _>(id, read).await.expect("reads")
    }

    /// Starts a session of a user.
    async fn sign_in(&self, user: UserId) {
        let (id, env) = (self.tenant().await.view().tenant.id, self.platform.env());
        let later = NOW.plus_secs(3_600);
        let new = sessions::StartSession {
            tenant: id,
            user,
            session: env.id(),
            browser: env.id(),
            browser_mac: env.bytes(),
            previous: None,
            authentications: Vec::new(),
            risk: 0,
            device: None,
            now: NOW,
            idle_expires_at: later,
            expires_at: later,
            browser_expires_at: later,
        };
        let start = move |tx| async move { sessions::start(&tx, &new).await };
        self.platform.store().write::<_, StoreError, _, _>(id, start).await.expect("starts");
    }
}

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn in_system(test: impl AsyncFnOnce(World)) {
    actix_web::rt::System::new().block_on(async {
        let world = World::new().await;
        let platform = world.platform.clone();
        test(world).await;
        platform.stop().await;
    });
}

#[test]
fn applying_twice_changes_nothing() {
    in_system(async |w| {
        let dry = w.try_apply(FILE, Options { dry_run: true, prune: false }).await.unwrap().report;
        assert_eq!((dry.changes, dry.dry_run), (6, true));
        assert!(w.platform.by_slug("acme").await.unwrap().is_none(), "a dry run makes nothing");

        let report = w.apply(FILE).await;
        assert_eq!(report.changes, 6);
        let acme = &report.tenants[0];
        assert_eq!(acme.issuer.as_deref(), Some("https://id.example/t/acme"));
        let secrets: Vec<bool> =
            acme.applications.iter().map(|a| a.client_secret.is_some()).collect();
        assert_eq!(secrets, [true, false, false], "made for web, given for job, none for spa");

        let view = w.tenant().await.view();
        assert!(!view.tenant.settings.limits.enabled);
        let now = w.platform.env().now();
        let made = acme.applications[0].client_secret.as_ref().unwrap();
        let web = view.applications.by_client_id("web").unwrap();
        assert!(view.is_client_secret(web, made.as_bytes(), now));
        let job = view.applications.by_client_id("job").unwrap();
        assert!(view.is_client_secret(job, b"given-in-the-file-24-chars", now));

        let again = w.apply(FILE).await;
        assert_eq!(again.changes, 0, "{again}");
        assert!(again.tenants[0].applications.iter().all(|a| a.client_secret.is_none()));
    });
}

#[test]
fn passwords_work_and_are_set_on_creation_only() {
    in_system(async |w| {
        w.apply(FILE).await;
        w.apply(&FILE.replace("lovelace-1843", "another-1843")).await;
        let id = w.tenant().await.view().tenant.id;
        let read = move |tx| async move {
            users::find_for_sign_in(&tx, id, IdentifierKind::Email, "ada@example.com").await
        };
        let row = w.platform.store().read::<_, StoreError, _, _>(id, read).await.unwrap().unwrap();
        let (_, hash) = row.password.unwrap();
        assert!(w.passwords.verify("lovelace-1843".into(), Some(hash)).await.unwrap());
        assert!(row.user.email_verified);
        assert_eq!(row.user.claims, *json!({"locale": "en", "nickname": "A"}).as_object().unwrap());
    });
}

#[test]
fn only_what_the_file_says_changes() {
    in_system(async |w| {
        w.apply(FILE).await;
        let text = "tenant: { slug: acme, name: Acme Corp }\napplications:\n  - client_id: web\n    \
             name: Web\n    type: web\n    redirect_uris: [https://b.example/cb]\n    \
             lifetimes: { access_token: 300 }\nusers:\n  - email: ada@example.com\n    name: null\n    \
             claims: { nickname: null, zoneinfo: Europe/London }\n";
        let plan = w.try_apply(text, Options { dry_run: true, prune: false }).await.unwrap().report;
        let lines = plan.to_string();
        for line in [
            "~ tenant acme",
            "name: \"Acme\" becomes \"Acme Corp\"",
            "~ application web",
            "lifetimes.access_token: 600 becomes 300",
            "redirect_uris: [\"https://a.example/cb\"] becomes [\"https://b.example/cb\"]",
            "~ user ada@example.com",
            "claims.nickname: \"A\" is taken away",
            "claims.zoneinfo: \"Europe/London\"",
            "name: \"Ada\" is taken away",
            "3 changes to make; nothing was changed (--dry-run).",
        ] {
            assert!(lines.contains(line), "{line} is not in\n{lines}");
        }
        assert_eq!(w.apply(text).await.changes, 3);
        assert_eq!(w.apply(text).await.changes, 0);
        let view = w.tenant().await.view();
        assert!(!view.tenant.settings.limits.enabled, "settings were omitted");
        let web = &view.applications.by_client_id("web").unwrap().application.spec;
        assert_eq!(web.scopes.to_string(), "email openid");
        assert_eq!((web.lifetimes.access_token, web.lifetimes.code), (300, 60));
        assert!(view.applications.by_client_id("spa").is_some());
        let ada = w.user("ada@example.com").await.unwrap();
        assert_eq!((ada.name, ada.email_verified), (None, true));
        assert!(w.user("bob@example.com").await.is_some());
    });
}

#[test]
fn pruning_removes_what_the_file_omits() {
    in_system(async |w| {
        w.apply(FILE).await;
        let text = "tenant: { slug: acme, name: Acme }\napplications:\n  - { client_id: spa, name: \
             Spa, type: spa, redirect_uris: [https://s.example/cb] }\nusers: [{ email: bob@example.com }]\n";
        let options = Options { dry_run: false, prune: true };
        let ada = w.user("ada@example.com").await.unwrap();
        w.sign_in(ada.id).await;
        let report = w.try_apply(text, options).await.unwrap().report;
        assert_eq!(report.changes, 3, "{report}");
        let view = w.tenant().await.view();
        let left: Vec<_> = view.applications.iter().map(|a| a.spec.client_id.as_str()).collect();
        assert_eq!(left, ["spa"]);
        assert!(w.user("ada@example.com").await.is_none());
        assert!(w.user("bob@example.com").await.is_some());
        let (id, user) = (view.tenant.id, ada.id);
        let end = move |tx| async move { sessions::end_of_user(&tx, id, user, NOW).await };
        let left = w.platform.store().write::<_, StoreError, _, _>(id, end).await.unwrap();
        assert!(left.is_empty(), "a removed user has no session");
        let system = "tenant: { slug: system, name: Bailiwick }\n";
        assert!(matches!(w.try_apply(system, options).await, Err(Refused::Mistakes(_))));
    });
}

#[test]
fn derived_members_follow_what_they_are_derived_from() {
    in_system(async |w| {
        w.apply(FILE).await;
        // A web application becomes one of the browser: no secret, no grant of its own.
        let text = "tenant: { slug: acme, name: Acme }\napplications:\n  - { client_id: web, name: \
             Web, type: spa, redirect_uris: [https://a.example/cb] }\n";
        assert_eq!(w.apply(text).await.changes, 1);
        let back = w.try_apply(&text.replace("spa", "web"), Options::default()).await;
        let Err(Refused::Mistakes(list)) = back else { panic!("is refused") };
        assert_eq!(list[0].path, "applications[0].token_endpoint_auth_method");
    });
}

#[test]
fn many_users_and_events_of_an_operator() {
    in_system(async |w| {
        let mut text = String::from("tenant: { slug: acme, name: Acme }\nusers:\n");
        for i in 0..450 {
            text.push_str(&format!("  - email: u{i}@example.com\n"));
        }
        assert_eq!(w.apply(&text).await.changes, 451);
        assert_eq!(w.apply(&text).await.changes, 0);
        let id = w.tenant().await.view().tenant.id;
        let read = move |tx| async move { audit::page(&tx, id, None, 1_000).await };
        let events = w.platform.store().read::<_, StoreError, _, _>(id, read).await.unwrap();
        let operator = operator(w.platform.system_tenant().await.unwrap());
        let created: Vec<_> =
            events.iter().filter(|e| e.kind == bailiwick_domain::EventKind::UserCreated).collect();
        assert_eq!(created.len(), 450);
        assert!(created.iter().all(|e| e.actor == operator));
    });
}

#[test]
fn the_first_operator_and_its_key_are_made_once() {
    in_system(async |w| {
        assert!(matches!(init::new_key(&w.platform).await, Err(InitError::NotYet)));
        let given = init::credentials("Ops@example.com", "long-enough".into()).unwrap();
        let hash = w.passwords.hash(given.password.clone()).await.unwrap();
        let made = init::create(&w.platform, &given, hash.clone()).await.unwrap();
        assert_eq!(made.issuer, "https://id.example/t/system");
        let again = init::create(&w.platform, &given, hash).await;
        assert!(matches!(again, Err(InitError::Already)));
        let more = init::new_key(&w.platform).await.unwrap();
        assert_ne!(made.api_key, more.api_key);

        let system = w.platform.by_slug("system").await.unwrap().unwrap().tenant.view();
        let id = system.tenant.id;
        for text in [&made.api_key, &more.api_key] {
            let key = api_key::parse(text).unwrap();
            let row_id = key.id;
            let read =
                move |tx| async move { bailiwick_store::api_keys::get(&tx, id, row_id).await };
            let row = w.platform.store().read::<_, StoreError, _, _>(id, read).await.unwrap();
            let row = row.unwrap();
            assert_eq!(row.roles, [api_key::OPERATOR]);
            let now = w.platform.env().now();
            assert!(key.opens(&system.vault, &row, now));
            let mut other = row.clone();
            other.mac = system.vault.mac(Label::ApiKey, b"another");
            assert!(!key.opens(&system.vault, &other, now));
            let expired = bailiwick_store::api_keys::ApiKey { expires_at: Some(now), ..row };
            assert!(!key.opens(&system.vault, &expired, now));
        }
    });
}

#[test]
fn passwords_and_addresses_of_operators_are_held_against_the_rules() {
    for (email, password) in [
        ("nobody", "long-enough"),
        ("a@example.com", "short"),
        ("a@example.com", "with\0nul-inside"),
    ] {
        assert!(init::credentials(email, password.into()).is_err(), "{email} {password:?}");
    }
}
