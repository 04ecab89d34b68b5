use std::collections::BTreeSet;

use super::*;
use crate::authz::objects::{self, EntityRef, Object, ObjectData};
use crate::changes::{EVERY_ENTITY, entity_key};
use crate::error::Error;
use crate::testing::{World, on_every_database};

fn uid(kind: &str, id: &str) -> EntityRef {
    EntityRef { kind: kind.into(), id: id.into() }
}

fn data(uid: EntityRef, parents: &[&EntityRef]) -> ObjectData {
    let attrs = json!({ "owner": { "type": "User", "id": "x" }, "tags": ["ä", "\"", 7, true] });
    ObjectData {
        uid,
        attrs: attrs.as_object().unwrap().clone(),
        parents: parents.iter().copied().cloned().collect(),
        tags: Map::new(),
    }
}

#[tokio::test]
async fn an_entity_lives_and_ends() {
    on_every_database(async |w: World| {
        let tenant = w.tenant;
        w.write(move |tx| async move {
            let (later, last) = (NOW.plus_secs(1), NOW.plus_secs(2));
            let (folder, file) = (uid("Folder", "top \"\u{202e}"), uid("Crm::File", "a/b"));
            let wanted = vec![data(folder.clone(), &[]), data(file.clone(), &[&folder])];
            let made = objects::put(&tx, tenant, wanted.clone(), NOW).await?;
            let it = |data: &ObjectData| Object {
                data: data.clone(),
                version: 1,
                created_at: NOW,
                updated_at: NOW,
            };
            assert_eq!(made, [it(&wanted[1]), it(&wanted[0])], "in the order of their names");
            assert_eq!(objects::get(&tx, tenant, &file).await?.as_ref(), Some(&made[0]));
            assert_eq!(objects::get(&tx, id(), &file).await?, None);
            assert_eq!(objects::get(&tx, tenant, &uid("crm::File", "a/b")).await?, None);
            let both = BTreeSet::from([folder.clone(), file.clone(), uid("X", "x")]);
            let parents = objects::parents_of(&tx, tenant, &both).await?;
            assert_eq!(
                (parents[&folder].len(), parents[&file].as_slice()),
                (0, &[folder.clone()][..])
            );
            assert_eq!((parents.len(), objects::parents_of(&tx, id(), &both).await?.len()), (2, 0));

            let again = objects::put(&tx, tenant, vec![data(file.clone(), &[])], later).await?;
            assert_eq!(
                (again[0].version, again[0].created_at, again[0].updated_at),
                (2, NOW, later)
            );
            assert_eq!(
                told(&tx, tenant, "entities", later).await?,
                [entity_key("Crm::File", "a/b")]
            );
            let stale = objects::update(&tx, tenant, made[0].clone(), last).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            let changed = objects::update(&tx, tenant, again[0].clone(), last).await?;
            assert_eq!(objects::get(&tx, tenant, &file).await?, Some(changed));

            assert!(objects::delete(&tx, tenant, (&file, 2), last).await.is_err());
            assert!(objects::delete(&tx, id(), (&file, 3), last).await.is_err());
            objects::delete(&tx, tenant, (&file, 3), last).await?;
            assert!(objects::delete_all(&tx, id(), &both, last).await?.is_empty());
            let gone = objects::delete_all(&tx, tenant, &both, last).await?;
            assert_eq!(gone, BTreeSet::from([folder]));
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn many_are_written_read_and_told_as_sets() {
    on_every_database(async |w: World| {
        let tenant = w.tenant;
        w.write(move |tx| async move {
            // More than one statement holds.
            let names: Vec<String> = (0..700).map(|n| format!("{n:04}")).collect();
            let many = names.iter().map(|n| data(uid("Doc", n), &[])).collect();
            assert_eq!(objects::put(&tx, tenant, many, NOW.plus_secs(1)).await?.len(), 700);
            assert_eq!(told(&tx, tenant, "entities", NOW.plus_secs(1)).await?, [EVERY_ENTITY]);
            let few = vec![data(uid("Dob", "z"), &[]), data(uid("Dod", "a"), &[])];
            objects::put(&tx, tenant, few, NOW).await?;

            let ids = |page: Vec<Object>| {
                page.into_iter().map(|o| o.data.uid.id).collect::<Vec<String>>()
            };
            let after = uid("Doc", "0010");
            let page = objects::page(&tx, tenant, Some("Doc"), Some(&after), 3).await?;
            assert_eq!(ids(page), names[11..14]);
            let end = uid("Doc", "0698");
            let page = objects::page(&tx, tenant, Some("Doc"), Some(&end), 3).await?;
            assert_eq!(ids(page), ["0699"]);
            let page = objects::page(&tx, tenant, None, Some(&end), 3).await?;
            assert_eq!(ids(page), ["0699", "a"]);
            assert_eq!(ids(objects::page(&tx, tenant, None, None, 2).await?), ["z", "0000"]);
            assert!(objects::page(&tx, id(), None, None, 2).await?.is_empty());
            let some = objects::ids_after(&tx, tenant, "Doc", Some("0697"), 5).await?;
            assert_eq!(some, ["0698", "0699"]);
            assert!(objects::ids_after(&tx, id(), "Doc", None, 5).await?.is_empty());
            let all = names.iter().map(|n| uid("Doc", n)).collect();
            assert_eq!(objects::delete_all(&tx, tenant, &all, NOW).await?.len(), 700);
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}
