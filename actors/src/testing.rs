//! What the tests of this crate stand on: a platform on a fresh embedded database.

use std::path::Path;

use bailiwick_domain::limits::Ceilings;
use bailiwick_domain::{Env, TenantSettings};
use bailiwick_store::vault::MasterKeyring;
use bailiwick_store::{Store, StoreConfig};

use crate::{NewTenant, Options, Platform, TenantHandle};

pub(crate) async fn platform(folder: &Path, tenant_memory: u64) -> Platform {
    let env = Env::system();
    let config = StoreConfig {
        url: format!("sqlite://{}", folder.join("test.db").display()).into(),
        owner_url: None,
        system_url: None,
        max_connections: 4,
        redis_url: None,
    };
    let store = Store::open(&config, &env).await.expect("a fresh database opens");
    let keyring = MasterKeyring::load_or_create(&folder.join("master.key"), &env).expect("made");
    let options = Options {
        public_url: "http://localhost:8080".into(),
        base_domain: None,
        development: true,
        ceilings: Ceilings::default(),
        tenant_memory,
        guardrails: None,
    };
    Platform::start(store, env, keyring, options).await.expect("it starts")
}

pub(crate) async fn tenant(platform: &Platform, slug: &str) -> TenantHandle {
    let settings = TenantSettings::default();
    let new = NewTenant { slug: slug.into(), name: slug.into(), settings };
    let id = platform.create_tenant(new, None).await.expect("created").id;
    platform.tenant(id).await.expect("read").expect("there")
}
