use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::{Acr, ApplicationId};

use super::*;
use crate::authz::assignments::{self, Assignee, Assignment};
use crate::authz::candidates::Among;
use crate::authz::members::{self, Of};
use crate::authz::objects::{self, EntityRef, ObjectData};
use crate::authz::platform::{EntityKey, EntityRow, SessionEntity};
use crate::lookups::{self, Key as _, Wanted};
use crate::testing::{World, on_every_database};
use crate::tx::explained::PLANS;

/// Reads entities by type and id, in one group.
async fn read(w: &World, tenant: TenantId, keys: &[(&str, String)]) -> Vec<Option<EntityRow>> {
    let keys: Vec<Option<EntityKey>> =
        keys.iter().map(|(kind, id)| EntityKey::new(kind, id)).collect();
    let mut wanted = Wanted::default();
    for key in keys.iter().flatten() {
        key.clone().want(tenant, &mut wanted);
    }
    let run = move |tx| async move { lookups::run(&tx, wanted, NOW).await };
    let found = w.store.read(vec![tenant, w.tenant], run).await.unwrap();
    keys.into_iter().map(|key| key.and_then(|key| key.take(tenant, &found).unwrap())).collect()
}

#[tokio::test]
async fn the_platform_is_read_as_policies_look_at_it() {
    on_every_database(async |w: World| {
        let (tenant, ada, app) = (w.tenant, w.user, w.application);
        let made = w.write(move |tx| async move {
            let team = group(&tx, tenant, "Team").await?;
            let (acme, left) = (
                organization(&tx, tenant, "Acme").await?,
                organization(&tx, tenant, "Left").await?,
            );
            let gone = organization(&tx, tenant, "Gone").await?;
            for (of, user) in [
                (Of::Group(team), ada),
                (Of::Organization(acme), ada),
                (Of::Organization(gone), ada),
            ] {
                members::add(&tx, tenant, (of, user), NOW).await?;
            }
            for name in ["own", "theirs", "here", "there", "app"] {
                role(&tx, tenant, name).await?;
            }
            let (user, group) = (Assignee::User(ada), Assignee::Group(team));
            for (role, assignee, organization) in [
                ("own", user, None),
                ("here", user, Some(acme)),
                ("here", user, Some(gone)),
                ("theirs", group, None),
                ("app", group, None),
                ("there", group, Some(acme)),
                // Where ada is no member.
                ("there", group, Some(left)),
                ("app", Assignee::Application(app), None),
            ] {
                let role = role.to_owned();
                let new = Assignment { id: id(), role, assignee, organization, created_at: NOW };
                assignments::insert(&tx, tenant, &new).await?;
            }
            organizations::delete(&tx, tenant, (gone, 1), NOW).await?;
            let file = ObjectData {
                uid: EntityRef { kind: "File".into(), id: "1".into() },
                attrs: Map::new(),
                parents: vec![],
                tags: Map::new(),
            };
            objects::put(&tx, tenant, vec![file], NOW).await?;
            Ok((team, acme, gone))
        });
        let (team, acme, gone) = made.await.unwrap();
        let keys = [
            ("User", ada.to_string()),
            ("Group", team.to_string()),
            ("Organization", acme.to_string()),
            ("Application", app.to_string()),
            ("Session", w.session.to_string()),
            ("File", "1".into()),
            // And what is not there.
            ("Organization", gone.to_string()),
            ("User", id::<UserId>().to_string()),
            ("Session", id::<bailiwick_domain::SessionId>().to_string()),
            ("File", "2".into()),
            ("file", "1".into()),
            ("User", "1".into()),
            ("Role", "own".into()),
            ("Action", "read".into()),
            ("File", "1\n".into()),
        ];
        let mut found = read(&w, tenant, &keys).await.into_iter();
        let mut next = || found.next().unwrap();
        let Some(EntityRow::User(it)) = next() else { panic!("no user") };
        assert_eq!((it.user.id, it.groups), (ada, BTreeSet::from([team])));
        assert_eq!(it.roles, BTreeSet::from(["own".to_owned()]));
        let there = BTreeSet::from(["here".to_owned(), "there".to_owned()]);
        assert_eq!(it.organizations, BTreeMap::from([(acme, there)]));
        let Some(EntityRow::Group(it)) = next() else { panic!("no group") };
        assert_eq!(
            (it.group.name.as_str(), it.roles),
            ("Team", vec!["app".into(), "theirs".into()])
        );
        assert!(matches!(next(), Some(EntityRow::Organization(o)) if o.name == "Acme"));
        assert_eq!(next(), Some(EntityRow::Application(vec!["app".into()])));
        let session = SessionEntity {
            id: w.session,
            user: ada,
            auth_time: NOW,
            amr: vec!["pwd".into()],
            acr: Acr::One,
        };
        assert_eq!(next(), Some(EntityRow::Session(session)));
        assert!(matches!(next(), Some(EntityRow::Object(o)) if o.version == 1));
        assert_eq!(found.collect::<Vec<_>>(), vec![None; keys.len() - 6]);

        // Both tenants are in the transaction; what there is, is still the other one's.
        let other: TenantId = id();
        let mut foreign = read(&w, other, &keys).await;
        assert_eq!(foreign.remove(3), Some(EntityRow::Application(Vec::new())));
        assert_eq!(foreign, vec![None; keys.len() - 1]);

        let session = w.session;
        w.write(move |tx| async move {
            crate::sessions::end(&tx, tenant, &[session], NOW).await?;
            users::delete(&tx, tenant, ada, 1, NOW).await
        })
        .await
        .unwrap();
        let gone = read(&w, tenant, &[keys[0].clone(), keys[4].clone()]).await;
        assert_eq!(gone, [None, None]);
    })
    .await;
}

/// As for the other lookups: the planner is held to indexes, and this to there being one.
#[tokio::test]
async fn everything_is_found_by_key() {
    on_every_database(async |w: World| {
        let (tenant, ada, session) = (w.tenant, w.user, w.session);
        let all = async move |tx: TenantTx| {
            let uid = EntityRef { kind: "File".into(), id: "1".into() };
            let mut wanted = Wanted::default();
            for key in [
                EntityKey::User(ada),
                EntityKey::Group(id()),
                EntityKey::Organization(id()),
                EntityKey::Application(id::<ApplicationId>()),
                EntityKey::Session(session),
                EntityKey::Object(uid.clone()),
            ] {
                key.want(tenant, &mut wanted);
            }
            lookups::run(&tx, wanted, NOW).await?;
            let file = ObjectData {
                uid: uid.clone(),
                attrs: Map::new(),
                parents: vec![],
                tags: Map::new(),
            };
            objects::put(&tx, tenant, vec![file], NOW).await?;
            let all = BTreeSet::from([uid]);
            objects::parents_of(&tx, tenant, &all).await?;
            objects::delete_all(&tx, tenant, &all, NOW).await?;
            for filter in [
                assignments::Filter { user: Some(ada), ..Default::default() },
                assignments::Filter { organization: Some(id()), ..Default::default() },
                assignments::Filter { role: Some("x".into()), ..Default::default() },
            ] {
                assignments::page(&tx, tenant, &filter, None, 9).await?;
            }
            users::ids_after(&tx, tenant, None, 9).await?;
            objects::ids_after(&tx, tenant, "File", Some("1"), 9).await?;
            objects::page(&tx, tenant, None, None, 9).await?;
            let places = [
                ("User", ada.to_string()),
                ("Group", id::<GroupId>().to_string()),
                ("Organization", id::<OrganizationId>().to_string()),
                ("Role", "x".to_owned()),
            ];
            let mut places = places.map(|(kind, id)| (kind.to_owned(), id)).to_vec();
            let among = Among::of(&tx, tenant, &places).await?.unwrap();
            assert_eq!(among.ids_after(&tx, tenant, None, 9).await?, [ada.to_string()]);
            let elsewhere = [("Team".to_owned(), "1".to_owned())];
            assert!(Among::of(&tx, tenant, &elsewhere).await?.is_none());
            places.resize(40, places[0].clone());
            assert!(Among::of(&tx, tenant, &places).await?.is_none());
            members::page(&tx, tenant, Of::Organization(id()), None, 9).await
        };
        let plans = w.write(move |tx| {
            PLANS.scope(RefCell::default(), async move {
                all(tx).await?;
                Ok(PLANS.with(RefCell::take))
            })
        });
        let plans = plans.await.unwrap();
        assert_eq!(plans.len() < 18, w.store.is_sqlite(), "{}", plans.len());
        for plan in plans {
            for wrong in ["Seq Scan", "Hash Join", "Merge Join", "Materialize"] {
                assert!(!plan.contains(wrong), "{plan}");
            }
        }
    })
    .await;
}
