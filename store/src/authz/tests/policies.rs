use bailiwick_domain::{DecisionId, DraftId};

use super::*;
use crate::audit::Actor;
use crate::authz::decisions::{self, Decision};
use crate::authz::policies::{self, Activation, Draft, Scope, State};
use crate::error::Error;
use crate::jobs::{Deleted, purge_deleted, purge_expired};
use crate::testing::{World, on_every_database};

fn draft(actor: Actor) -> Draft {
    Draft {
        id: id(),
        scope: Scope::Tenant,
        name: "Try".into(),
        bundle: json!({ "policies": {} }),
        note: String::new(),
        based_on: None,
        actor,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[tokio::test]
async fn a_draft_lives_and_ends() {
    on_every_database(async |w: World| {
        let (tenant, actor) = (w.tenant, Actor::user(w.tenant, w.user));
        w.write(move |tx| async move {
            let (one, two) = (draft(actor), draft(Actor::system(tenant)));
            let nowhere = Draft { scope: Scope::Organization(id()), ..draft(actor) };
            let made = policies::insert_draft(&tx, tenant, &nowhere).await;
            assert!(matches!(made, Err(Error::NotFound("organization"))));
            let acme = organization(&tx, tenant, "Acme").await?;
            let other =
                Draft { scope: Scope::Organization(acme), based_on: Some(7), ..draft(actor) };
            for new in [&one, &two, &other] {
                policies::insert_draft(&tx, tenant, new).await?;
                let kept = policies::get_draft(&tx, tenant, new.id).await?;
                assert_eq!(kept.as_ref(), Some(new));
                assert_eq!(policies::get_draft(&tx, id(), new.id).await?, None);
            }
            let mut ids = [one.id, two.id];
            ids.sort_unstable();
            let listed = async |scope, after| {
                let page = policies::drafts(&tx, (tenant, scope), after, 9).await?;
                Ok::<_, Error>(page.iter().map(|d| d.id).collect::<Vec<DraftId>>())
            };
            assert_eq!(listed(Scope::Tenant, None).await?, ids);
            assert_eq!(listed(Scope::Tenant, Some((NOW, ids[0]))).await?, ids[1..]);
            assert_eq!(listed(other.scope, None).await?, [other.id]);
            let wanted = Draft { note: "Why".into(), bundle: json!({}), ..one };
            let after = policies::update_draft(&tx, tenant, &wanted, NOW).await?;
            assert_eq!(policies::get_draft(&tx, tenant, after.id).await?, Some(after.clone()));
            let stale = policies::update_draft(&tx, tenant, &wanted, NOW).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            assert!(policies::delete_draft(&tx, tenant, (after.id, 1)).await.is_err());
            assert!(policies::delete_draft(&tx, id(), (after.id, 2)).await.is_err());
            policies::delete_draft(&tx, tenant, (after.id, 2)).await
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_version_of_a_scope_holds() {
    on_every_database(async |w: World| {
        let (tenant, actor) = (w.tenant, Actor::user(w.tenant, w.user));
        w.write(move |tx| async move {
            let new = |expected, n: i64| Activation {
                expected,
                bundle: json!({ "n": n }),
                note: format!("{n}"),
                actor,
            };
            let whole = (tenant, Scope::Tenant);
            let state = |active, version| State { active, version };
            assert_eq!(
                policies::active(&tx, tenant, Scope::Tenant).await?,
                (State::default(), None)
            );
            let early = policies::roll_back(&tx, whole, (1, 0), NOW).await;
            assert!(matches!(early, Err(Error::NotFound(_))));
            let first = policies::activate(&tx, whole, &new(0, 1), NOW).await?;
            assert_eq!(first, state(Some(1), 1));
            let stale = policies::activate(&tx, whole, &new(0, 9), NOW).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            // A role counts too: policies that were checked against other roles are not activated.
            role(&tx, tenant, "editor").await?;
            let stale = policies::activate(&tx, whole, &new(1, 9), NOW).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            assert_eq!(policies::activate(&tx, whole, &new(2, 2), NOW).await?, state(Some(2), 3));
            let later = NOW.plus_secs(1);
            let back = policies::roll_back(&tx, whole, (1, 3), later).await?;
            assert_eq!(back, state(Some(1), 4));
            assert!(policies::roll_back(&tx, whole, (2, 3), later).await.is_err());
            assert_eq!(told(&tx, tenant, "policies", later).await?, [""]);
            let (now, held) = policies::active(&tx, tenant, Scope::Tenant).await?;
            let held = held.unwrap();
            assert_eq!((now, held.number, held.note.as_str()), (back, 1, "1"));
            assert_eq!((held.bundle, held.actor), (json!({ "n": 1 }), actor));
            // The next number is one that was never used.
            assert_eq!(policies::activate(&tx, whole, &new(4, 3), NOW).await?.active, Some(3));

            let nowhere = (tenant, Scope::Organization(id()));
            let made = policies::activate(&tx, nowhere, &new(0, 5), later).await;
            assert!(matches!(made, Err(Error::NotFound("organization"))));
            let acme = organization(&tx, tenant, "Acme").await?;
            let there = (tenant, Scope::Organization(acme));
            let made = policies::activate(&tx, there, &new(0, 5), later).await?;
            assert_eq!(made, state(Some(1), 1));
            assert_eq!(policies::state(&tx, tenant, Scope::Tenant).await?, state(Some(3), 6));
            assert_eq!(told(&tx, tenant, "policies", later).await?, ["", &acme.to_string()]);

            let numbers = async |of, before| {
                let page = policies::versions(&tx, of, before, 2).await?;
                Ok::<_, Error>(page.iter().map(|v| v.number).collect::<Vec<_>>())
            };
            assert_eq!(numbers(whole, None).await?, [3, 2]);
            assert_eq!(numbers(whole, Some(2)).await?, [1]);
            assert_eq!(numbers(there, None).await?, [1]);
            assert!(policies::any_of_organizations(&tx, tenant).await?);

            // Those of the management API are nothing to decisions.
            let api = (tenant, Scope::Management);
            let last = later.plus_secs(1);
            assert_eq!(policies::activate(&tx, api, &new(0, 6), last).await?, state(Some(1), 1));
            assert_eq!(told(&tx, tenant, "policies", last).await?, ["management"]);
            assert_eq!(policies::state(&tx, tenant, Scope::Tenant).await?, state(Some(3), 6));

            // What an organization has goes with it; the rest stays.
            let left = Draft { scope: there.1, ..draft(actor) };
            policies::insert_draft(&tx, tenant, &left).await?;
            organizations::delete(&tx, tenant, (acme, 1), last).await?;
            assert_eq!(policies::state(&tx, tenant, there.1).await?, State::default());
            assert!(!policies::any_of_organizations(&tx, tenant).await?);
            assert_eq!(policies::state(&tx, tenant, Scope::Tenant).await?, state(Some(3), 7));
            assert_eq!(told(&tx, tenant, "policies", last).await?, ["management", ""]);
            let again = policies::activate(&tx, there, &new(0, 7), last).await;
            assert!(matches!(again, Err(Error::NotFound(_))));
            let erase =
                async |limit| purge_deleted(&tx, tenant, Deleted::Organization(acme), limit).await;
            assert!(!erase(1).await?);
            assert!(erase(100).await?);
            assert_eq!(policies::get_draft(&tx, tenant, left.id).await?, None);
            assert!(numbers(there, None).await?.is_empty());
            assert_eq!(numbers(whole, None).await?, [3, 2]);
            assert_eq!(numbers(api, None).await?, [1]);
            assert!(numbers((id(), Scope::Tenant), None).await?.is_empty());
            assert!(policies::version(&tx, (id(), Scope::Tenant), 1).await?.is_none());
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn decisions_are_kept_for_a_while() {
    on_every_database(async |w: World| {
        let (tenant, app) = (w.tenant, w.application);
        let decision = move |secs: u32| Decision {
            id: id(),
            tenant,
            at: NOW.plus_secs(secs),
            application: secs.is_multiple_of(2).then_some(app),
            principal: format!("User::\"{secs}\""),
            action: "read".into(),
            resource: "Doc::\"ä\\\"\"".into(),
            allowed: !secs.is_multiple_of(2),
            policies: vec!["a.cedar#0".into(); usize::try_from(secs).unwrap()],
            errors: 0,
            snapshot: 3,
            micros: 12,
            request_sealed: vec![1, 2, 3],
            expires_at: Timestamp::from_secs(100),
        };
        w.write(move |tx| async move {
            let all: Vec<Decision> = (0..4).map(decision).collect();
            decisions::insert(&tx, &all).await?;
            decisions::insert(&tx, &[]).await?;
            let page = async |from: usize, to: usize, after: Option<(Timestamp, DecisionId)>| {
                decisions::page(&tx, tenant, (all[from].at, all[to].at), after, 2).await
            };
            assert_eq!(page(0, 3, None).await?, all[..2]);
            assert_eq!(page(0, 3, Some((all[1].at, all[1].id))).await?, all[2..3]);
            assert_eq!(page(1, 3, Some((all[0].at, all[0].id))).await?, all[1..3]);
            let none = decisions::page(&tx, id(), (NOW, NOW.plus_secs(9)), None, 9).await?;
            assert!(none.is_empty());
            Ok(())
        })
        .await
        .unwrap();
        let purge = |tx| async move { purge_expired(&tx, Timestamp::from_secs(101), 1_000).await };
        while w.store.system::<_, Error, _, _>(purge).await.unwrap() > 0 {}
        let left = w.write(move |tx| async move {
            decisions::page(&tx, tenant, (NOW, NOW.plus_secs(9)), None, 9).await
        });
        assert!(left.await.unwrap().is_empty());
    })
    .await;
}
