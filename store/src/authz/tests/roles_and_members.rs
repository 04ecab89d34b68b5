use bailiwick_domain::AssignmentId;

use super::*;
use crate::authz::assignments::{self, Assignee, Assignment, Filter};
use crate::authz::members::{self, Of};
use crate::changes::{EVERY_ENTITY, entity_key};
use crate::error::Error;
use crate::testing::{World, on_every_database};

fn given(role: &str, assignee: Assignee, organization: Option<OrganizationId>) -> Assignment {
    Assignment { id: id(), role: role.to_owned(), assignee, organization, created_at: NOW }
}

#[tokio::test]
async fn a_group_lives_and_ends() {
    on_every_database(async |w: World| {
        let (tenant, ada, later) = (w.tenant, w.user, NOW.plus_secs(1));
        let taken = w.write(move |tx| async move {
            group(&tx, tenant, "Staff").await?;
            group(&tx, tenant, "Staff").await
        });
        assert!(matches!(taken.await, Err(Error::Taken("name"))));
        w.write(move |tx| async move {
            let (a, b) = (group(&tx, tenant, "A").await?, group(&tx, tenant, "B").await?);
            let mut ids = [a, b];
            ids.sort_unstable();
            assert_eq!(groups::ids_after(&tx, tenant, None, 9).await?, ids);
            assert_eq!(groups::ids_after(&tx, tenant, Some(ids[0]), 9).await?, ids[1..]);
            let page = groups::page(&tx, tenant, Some((NOW, ids[0])), 9).await?;
            assert_eq!(page.iter().map(|g| g.id).collect::<Vec<_>>(), ids[1..]);

            let before = groups::get(&tx, tenant, a).await?.unwrap();
            let wanted = Group { name: "Team".into(), attributes: Map::new(), ..before };
            let after = groups::update(&tx, tenant, &wanted, later).await?;
            assert_eq!((after.version, after.updated_at), (2, later));
            assert_eq!(groups::get(&tx, tenant, a).await?, Some(after.clone()));
            let stale = groups::update(&tx, tenant, &wanted, later).await;
            assert!(matches!(stale, Err(Error::Stale(_))));

            assert!(members::add(&tx, tenant, (Of::Group(a), ada), later).await?);
            assert!(!members::add(&tx, tenant, (Of::Group(a), ada), later).await?);
            for of in [(Of::Group(a), id()), (Of::Group(id()), ada)] {
                let none = members::add(&tx, tenant, of, NOW).await;
                assert!(matches!(none, Err(Error::NotFound("user"))));
            }
            let bob = person(&tx, tenant, "bob@example.com").await?;
            members::add(&tx, tenant, (Of::Group(a), bob), NOW).await?;
            let mut both = [ada, bob];
            both.sort_unstable();
            let page = members::page(&tx, tenant, Of::Group(a), None, 9).await?;
            assert_eq!(page.iter().map(|m| m.user).collect::<Vec<_>>(), both);
            let it = page.iter().find(|m| m.user == ada).unwrap();
            assert_eq!((it.email.as_deref(), it.since), (Some("Ada@Example.com"), later));
            let rest = members::page(&tx, tenant, Of::Group(a), Some(both[0]), 9).await?;
            assert_eq!(rest.iter().map(|m| m.user).collect::<Vec<_>>(), both[1..]);
            let none = members::page(&tx, id(), Of::Group(a), None, 9).await?;
            assert!(none.is_empty());
            // A user that is removed is in no group, before it is erased.
            users::delete(&tx, tenant, bob, 1, NOW).await?;
            assert_eq!(members::page(&tx, tenant, Of::Group(a), None, 9).await?.len(), 1);

            let third = NOW.plus_secs(3);
            assert!(members::remove(&tx, tenant, (Of::Group(a), ada), third).await?);
            assert!(!members::remove(&tx, tenant, (Of::Group(a), ada), third).await?);
            assert_eq!(told(&tx, tenant, "entities", third).await?, [entity_key("User", ada)]);

            members::add(&tx, tenant, (Of::Group(a), ada), later).await?;
            role(&tx, tenant, "editor").await?;
            let theirs = given("editor", Assignee::Group(a), None);
            assignments::insert(&tx, tenant, &theirs).await?;
            let stale = groups::delete(&tx, tenant, (a, 1), later).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            let foreign = groups::delete(&tx, id(), (a, 2), later).await;
            assert!(matches!(foreign, Err(Error::Stale(_))));
            let gone = NOW.plus_secs(4);
            groups::delete(&tx, tenant, (a, 2), gone).await?;
            assert_eq!(told(&tx, tenant, "entities", gone).await?, [EVERY_ENTITY]);
            assert_eq!(groups::get(&tx, tenant, a).await?, None);
            assert_eq!(assignments::get(&tx, tenant, theirs.id).await?, None);
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn roles_are_given_and_taken() {
    on_every_database(async |w: World| {
        let (tenant, ada, app) = (w.tenant, w.user, w.application);
        let assigned = w.write(move |tx| async move {
            let before = role(&tx, tenant, "editor").await?;
            role(&tx, tenant, "admin").await?;
            let names = |page: Vec<Role>| page.into_iter().map(|r| r.name).collect::<Vec<_>>();
            assert_eq!(names(roles::page(&tx, tenant, None, 9).await?), ["admin", "editor"]);
            assert_eq!(names(roles::page(&tx, tenant, Some("admin"), 9).await?), ["editor"]);
            assert_eq!((roles::count(&tx, tenant).await?, roles::count(&tx, id()).await?), (2, 0));
            let wanted = Role { description: "Edits".into(), permissions: vec![], ..before };
            let after = roles::update(&tx, tenant, &wanted, NOW).await?;
            assert_eq!(roles::get(&tx, tenant, "editor").await?, Some(after));
            let stale = roles::update(&tx, tenant, &wanted, NOW).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            assert_eq!(roles::get(&tx, id(), "editor").await?, None);

            let (team, acme) =
                (group(&tx, tenant, "Team").await?, organization(&tx, tenant, "Acme").await?);
            let user = Assignee::User(ada);
            for (wrong, what) in [
                (given("ghost", user, None), "role"),
                (given("editor", Assignee::User(id()), None), "user"),
                (given("editor", Assignee::Group(id()), None), "group"),
                (given("editor", Assignee::Application(id()), None), "application"),
                (given("editor", user, Some(id())), "organization"),
                (given("editor", user, Some(acme)), "member"),
            ] {
                let refused = assignments::insert(&tx, tenant, &wrong).await;
                assert!(matches!(refused, Err(Error::NotFound(w)) if w == what), "{what}");
            }
            members::add(&tx, tenant, (Of::Organization(acme), ada), NOW).await?;
            let mut all = vec![
                given("editor", user, None),
                given("editor", user, Some(acme)),
                given("admin", user, None),
                given("editor", Assignee::Group(team), None),
                given("editor", Assignee::Group(team), Some(acme)),
                given("editor", Assignee::Application(app), None),
            ];
            for (n, it) in (10..).zip(&all) {
                let it = Assignment { created_at: NOW.plus_secs(n), ..it.clone() };
                assignments::insert(&tx, tenant, &it).await?;
            }
            let mut keys = Vec::new();
            for n in 10..16 {
                keys.extend(told(&tx, tenant, "entities", NOW.plus_secs(n)).await?);
            }
            let (u, g) = (entity_key("User", ada), entity_key("Group", team));
            let application = entity_key("Application", app);
            assert_eq!(keys, [&u, &u, &u, &g, EVERY_ENTITY, &application]);

            all.sort_by_key(|a| a.id);
            let ids = |page: &[Assignment]| page.iter().map(|a| a.id).collect::<Vec<_>>();
            let all_ids = ids(&all);
            let page = async |filter: Filter| {
                assert!(assignments::page(&tx, id(), &filter, None, 9).await?.is_empty());
                assignments::page(&tx, tenant, &filter, None, 9).await
            };
            assert_eq!(ids(&page(Filter::default()).await?), all_ids);
            let any = Filter::default();
            let second = assignments::page(&tx, tenant, &any, Some(all_ids[1]), 2).await?;
            assert_eq!(ids(&second), all_ids[2..4]);
            let count = async |filter: Filter| Ok::<_, Error>(page(filter).await?.len());
            let none = Filter::default;
            assert_eq!(count(Filter { user: Some(ada), ..none() }).await?, 3);
            assert_eq!(count(Filter { group: Some(team), ..none() }).await?, 2);
            assert_eq!(count(Filter { application: Some(app), ..none() }).await?, 1);
            assert_eq!(count(Filter { organization: Some(acme), ..none() }).await?, 2);
            assert_eq!(count(Filter { role: Some("admin".into()), ..none() }).await?, 1);
            let both = Filter { user: Some(ada), organization: Some(acme), ..none() };
            assert_eq!(count(both).await?, 1);

            let one = all.iter().find(|a| a.role == "admin").unwrap().id;
            let foreign = assignments::delete(&tx, id(), one, NOW).await;
            assert!(matches!(foreign, Err(Error::NotFound(_))));
            assert_eq!(assignments::delete(&tx, tenant, one, NOW).await?.role, "admin");
            assert_eq!(assignments::get(&tx, tenant, one).await?, None);
            // Whoever leaves an organization leaves its own roles in it.
            members::remove(&tx, tenant, (Of::Organization(acme), ada), NOW).await?;
            assert_eq!(count(Filter { organization: Some(acme), ..none() }).await?, 1);
            Ok(all.iter().find(|a| a.role == "editor").unwrap().clone())
        });
        let held = assigned.await.unwrap();
        let again = Assignment { id: id(), ..held };
        let twice = w.write(move |tx| async move {
            assignments::insert(
                &tx,
                tenant,
                &Assignment { id: id::<AssignmentId>(), ..again.clone() },
            )
            .await?;
            assignments::insert(&tx, tenant, &again).await
        });
        assert!(twice.await.is_err());
        w.write(move |tx| async move {
            // Its name may be used again, and nobody has that one.
            let later = NOW.plus_secs(99);
            let stale = roles::delete(&tx, tenant, ("editor", 1), later).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            assert_eq!(roles::delete(&tx, tenant, ("editor", 2), later).await?, 4);
            assert_eq!(told(&tx, tenant, "entities", later).await?, [EVERY_ENTITY]);
            assert_eq!(told(&tx, tenant, "policies", later).await?, [""]);
            role(&tx, tenant, "editor").await?;
            let left = assignments::page(&tx, tenant, &Filter::default(), None, 9).await?;
            assert!(left.is_empty());
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_removed_loses_its_roles() {
    on_every_database(async |w: World| {
        let (tenant, ada, app) = (w.tenant, w.user, w.application);
        w.write(move |tx| async move {
            role(&tx, tenant, "editor").await?;
            let user = given("editor", Assignee::User(ada), None);
            let application = given("editor", Assignee::Application(app), None);
            for it in [&user, &application] {
                assignments::insert(&tx, tenant, it).await?;
            }
            let later = NOW.plus_secs(5);
            users::delete(&tx, tenant, ada, 1, later).await?;
            crate::applications::delete(&tx, tenant, app, 1, later).await?;
            for it in [&user, &application] {
                assert_eq!(assignments::get(&tx, tenant, it.id).await?, None);
                let again = assignments::insert(&tx, tenant, it).await;
                assert!(matches!(again, Err(Error::NotFound(_))));
            }
            let keys = [entity_key("User", ada), entity_key("Application", app)];
            assert_eq!(told(&tx, tenant, "entities", later).await?, keys);
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_organization_lives_and_ends() {
    on_every_database(async |w: World| {
        let (tenant, ada) = (w.tenant, w.user);
        w.write(move |tx| async move {
            let (a, b) =
                (organization(&tx, tenant, "A").await?, organization(&tx, tenant, "B").await?);
            let mut ids = [a, b];
            ids.sort_unstable();
            assert_eq!(organizations::ids_after(&tx, tenant, None, 9).await?, ids);
            assert!(organizations::ids_after(&tx, id(), None, 9).await?.is_empty());
            let page = organizations::page(&tx, tenant, Some((NOW, ids[0])), 9).await?;
            assert_eq!(page.iter().map(|o| o.id).collect::<Vec<_>>(), ids[1..]);
            let before = organizations::get(&tx, tenant, a).await?.unwrap();
            let attributes = Map::from_iter([("plan".to_owned(), json!("gold"))]);
            let wanted = organizations::Organization { attributes, ..before };
            let after = organizations::update(&tx, tenant, &wanted, NOW).await?;
            assert_eq!(organizations::get(&tx, tenant, a).await?, Some(after));
            let foreign = organizations::update(&tx, id(), &wanted, NOW).await;
            assert!(matches!(foreign, Err(Error::Stale(_))));

            let of = Of::Organization(a);
            assert!(members::add(&tx, tenant, (of, ada), NOW).await?);
            assert_eq!(organizations::list_memberships(&tx, tenant, ada).await?.len(), 1);
            organizations::delete(&tx, tenant, (a, 2), NOW).await?;
            assert_eq!(organizations::get(&tx, tenant, a).await?, None);
            assert!(organizations::list_memberships(&tx, tenant, ada).await?.is_empty());
            let late = members::add(&tx, tenant, (of, id()), NOW).await;
            assert!(matches!(late, Err(Error::NotFound(_))));
            assert_eq!(organizations::ids_after(&tx, tenant, None, 9).await?, [b]);
            assert!(erased(&tx, tenant, a).await?);
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

async fn erased(tx: &TenantTx, tenant: TenantId, it: OrganizationId) -> Result<bool> {
    use crate::jobs::{Deleted, purge_deleted};
    let done = purge_deleted(tx, tenant, Deleted::Organization(it), 100).await?;
    let sql = "SELECT COUNT(*) AS n FROM members WHERE tenant_id = $1 AND organization_id = $2";
    let left = sql::one(tx, sql, [tenant.0.into(), it.0.into()]).await?.unwrap();
    Ok(done && left.value::<i64>("n")? == 0)
}
