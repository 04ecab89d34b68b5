use bailiwick_domain::Env;
use bailiwick_domain::application::SigningAlg;

use super::*;
use crate::organizations::NewOrganization;
use crate::testing::{NOW, World, id, on_every_database};
use crate::vault::{self, MasterKeyring, Place};
use crate::{addresses, organizations, signing_keys};

fn tenant(world: &World, slug: &str) -> Tenant {
    Tenant {
        id: world.tenant,
        slug: slug.to_owned(),
        short_id: format!("s{slug}"),
        name: "Acme".into(),
        issuer: format!("https://id.example/t/{slug}"),
        organization_id: Some(id()),
        settings: TenantSettings::default(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn fresh_slug() -> String {
    id::<uuid::Uuid>().simple().to_string()
}

#[tokio::test]
async fn a_tenant_changes_only_from_the_version_that_was_seen() {
    on_every_database(async |w: World| {
        let new = tenant(&w, &fresh_slug());
        let (id, later, given) = (w.tenant, NOW.plus_secs(1), new.clone());
        w.write(move |tx| async move { insert(&tx, &given).await }).await.unwrap();
        let stored = w.write(move |tx| async move { get(&tx, id).await }).await.unwrap();
        assert_eq!(stored, Some(new.clone()));
        let mut settings = TenantSettings::default();
        settings.flags.insert("beta".into(), true);
        let change = {
            let settings = settings.clone();
            move |tx| async move { update(&tx, id, 1, ("New", &settings), later).await }
        };
        let changed = w.write(change.clone()).await.unwrap();
        assert_eq!(
            changed,
            Tenant { name: "New".into(), settings, version: 2, updated_at: later, ..new }
        );
        assert!(matches!(w.write(change).await, Err(Error::Stale("tenant"))));
        let spoil = move |tx| async move {
            let sql = r#"UPDATE tenants SET settings = '{"newer": 1}' WHERE tenant_id = $1"#;
            sql::exec(&tx, sql, [id.0.into()]).await?;
            get(&tx, id).await
        };
        assert!(matches!(w.write(spoil).await, Err(Error::Corrupt("tenant"))));
    })
    .await;
}

#[tokio::test]
async fn slugs_and_addresses_are_taken_once() {
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        let slug = fresh_slug();
        let address = format!("slug:{slug}");
        let take = async |world: &World| {
            let (new, address) = (tenant(world, &slug), address.clone());
            let take = move |tx| async move {
                addresses::claim(&tx, &address, new.id, true).await?;
                insert(&tx, &new).await
            };
            world.write(take).await
        };
        take(&a).await.unwrap();
        assert!(matches!(take(&b).await, Err(Error::Taken("address"))));
        let again = tenant(&b, &slug);
        let again = b.write(move |tx| async move { insert(&tx, &again).await });
        assert!(matches!(again.await, Err(Error::Taken("tenant"))));
        let find = move |tx| async move {
            Ok((addresses::resolve(&tx, &address).await?, addresses::resolve(&tx, "slug:").await?))
        };
        let found = a.store.system::<_, Error, _, _>(find).await.unwrap();
        let expected = addresses::Address { tenant: a.tenant, canonical: true, retired: false };
        assert_eq!(found, (Some(expected), None));
    })
    .await;
}

#[tokio::test]
async fn keys_come_back_as_they_were_stored() {
    on_every_database(async |w: World| {
        let (tenant, env) = (w.tenant, Env::system());
        let line = "m:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let keyring = MasterKeyring::parse(line).unwrap();
        let work = move |tx| async move {
            let first = vault::create(&tx, tenant, &keyring, &env).await?;
            let place = Place { table: "t", column: "c", row: b"r".as_slice().into() };
            let sealed = first.seal(&place, b"x", &env);
            let second = vault::add_version(&tx, tenant, &keyring, &env).await?;
            let newer = second.seal(&place, b"y", &env);
            let loaded = vault::load(&tx, tenant, &keyring).await?;
            assert_eq!(loaded.open(&place, &sealed)?.as_slice(), b"x");
            assert_eq!(loaded.open(&place, &newer)?.as_slice(), b"y");
            assert!(first.open(&place, &newer).is_err());
            let key = signing_keys::Row {
                id: id(),
                alg: SigningAlg::EdDSA,
                public_jwk: serde_json::json!({"kty": "OKP"}),
                private_sealed: newer,
                published_at: NOW,
                signs_from: NOW.plus_secs(1),
                signs_until: Some(NOW.plus_secs(2)),
                gone_at: None,
                rotate_at: Some(NOW.plus_secs(3)),
            };
            signing_keys::insert(&tx, tenant, &key).await?;
            assert_eq!(signing_keys::list(&tx, tenant).await?, [key]);
            vault::create(&tx, tenant, &keyring, &env).await
        };
        assert!(matches!(w.write(work).await, Err(Error::Taken("data key"))));
        let none = MasterKeyring::parse(line).unwrap();
        let load = move |tx| async move { vault::load(&tx, id(), &none).await.map(|_| ()) };
        assert!(matches!(w.write(load).await, Err(Error::NotFound("data key"))));
    })
    .await;
}

#[tokio::test]
async fn members_know_their_organizations() {
    on_every_database(async |w: World| {
        let (system, user, customer) = (w.tenant, w.user, id());
        let work = move |tx| async move {
            let (a, b) = (id(), id());
            let organization = |id, name: &str, customer_tenant_id| NewOrganization {
                id,
                name: name.to_owned(),
                attributes: serde_json::Map::new(),
                customer_tenant_id,
            };
            let acme = organization(a, "Acme", Some(customer));
            organizations::insert(&tx, system, &acme, NOW).await?;
            organizations::insert(&tx, system, &organization(b, "Own", None), NOW).await?;
            let found = organizations::get_by_customer(&tx, system, customer).await?;
            assert_eq!(found.map(|o| (o.id, o.name)), Some((a, "Acme".into())));
            organizations::add_member(&tx, system, (a, user, "owner"), NOW).await?;
            let list = organizations::list_memberships(&tx, system, user).await?;
            let expected = organizations::Membership {
                organization_id: a,
                customer_tenant_id: Some(customer),
                role: "owner".into(),
            };
            assert_eq!(list, [expected]);
            organizations::add_member(&tx, system, (a, user, "owner"), NOW).await
        };
        assert!(matches!(w.write(work).await, Err(Error::Taken("member"))));
    })
    .await;
}
