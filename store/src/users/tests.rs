use bailiwick_domain::text::normalize_email;

use super::*;
use crate::testing::{NOW, World, id, on_every_database, user};

#[tokio::test]
async fn a_user_is_found_by_all_that_names_it() {
    on_every_database(async |w: World| {
        let (tenant, ada) = (w.tenant, w.user);
        w.write(move |tx| async move {
            let found = get(&tx, tenant, ada).await?.unwrap();
            assert_eq!(found.email.as_deref(), Some("Ada@Example.com"));
            assert!(found.email_verified && found.active);
            assert_eq!(found.claims, user(ada, "x@y").claims);
            assert_eq!(by_sub(&tx, tenant, &found.sub).await?.as_ref(), Some(&found));
            let email = normalize_email("ADA@example.com").unwrap();
            assert_eq!(by_email(&tx, tenant, &email).await?.as_ref(), Some(&found));
            let row = find_for_sign_in(&tx, tenant, IdentifierKind::Email, &email).await?.unwrap();
            assert_eq!(row.user, found);
            assert_eq!(row.password, Some((CredentialId(ada.0), "$argon2id$hash".into())));
            let other = find_for_sign_in(&tx, tenant, IdentifierKind::Username, &email).await?;
            assert!(other.is_none());

            // A better hash of the same password: the same password.
            let ours = (tenant, ada);
            assert!(credentials::rehash(&tx, ours, "$argon2id$hash", "$better").await?);
            assert!(!credentials::rehash(&tx, ours, "$argon2id$hash", "$late").await?);
            assert!(!credentials::rehash(&tx, (id(), ada), "$better", "$foreign").await?);
            let better = find_for_sign_in(&tx, tenant, IdentifierKind::Email, &email).await?;
            let better = better.unwrap();
            assert_eq!(better.password.as_ref().unwrap().1, "$better");
            assert_eq!(better.which_password(), row.which_password());
            assert!(row.which_password().is_some());

            let later = NOW.plus_secs(1);
            credentials::set_password(&tx, ours, "$new", 2, later).await?;
            let row = find_for_sign_in(&tx, tenant, IdentifierKind::Email, &email).await?.unwrap();
            assert_eq!(row.password.as_ref().unwrap().1, "$new");
            assert_ne!(row.which_password(), better.which_password());
            let missing = credentials::set_password(&tx, (tenant, id()), "$new", 2, NOW).await;
            assert!(matches!(missing, Err(Error::NotFound(_))));
            let stranger = id();
            assert_eq!(get(&tx, stranger, ada).await?, None);
            assert_eq!(by_email(&tx, stranger, &email).await?, None);
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_address_belongs_to_one_user_at_a_time() {
    on_every_database(async |w: World| {
        let (tenant, ada, bob) = (w.tenant, w.user, id::<UserId>());
        let create_bob = move |tx: TenantTx| async move {
            create(&tx, tenant, &user(bob, "ada@EXAMPLE.com"), NOW).await
        };
        assert!(matches!(w.write(create_bob).await, Err(Error::Taken("email"))));
        w.write(move |tx| async move {
            let email = Email::new("new@example.com", false);
            let patch = UserPatch { email: Some(email), name: Some(None), ..Default::default() };
            let changed = update(&tx, tenant, ada, 1, &patch, NOW.plus_secs(1)).await?;
            assert_eq!((changed.version, changed.updated_at), (2, NOW.plus_secs(1)));
            assert_eq!((changed.email.as_deref(), changed.name), (Some("new@example.com"), None));
            assert!(!changed.email_verified && changed.active);
            let stale = update(&tx, tenant, ada, 1, &patch, NOW).await;
            assert!(matches!(stale, Err(Error::Stale(_))));
            Ok(())
        })
        .await
        .unwrap();
        w.write(create_bob).await.unwrap();
        let take = move |tx: TenantTx| async move {
            let email = Email::new("ada@example.com", true);
            let patch = UserPatch { email: Some(email), ..Default::default() };
            update(&tx, tenant, ada, 2, &patch, NOW).await
        };
        assert!(matches!(w.write(take).await, Err(Error::Taken("email"))));
        w.write(move |tx| async move { delete(&tx, tenant, bob, 1, NOW).await }).await.unwrap();
        w.write(take).await.unwrap();
        let gone = w.write(move |tx| async move { get(&tx, tenant, bob).await });
        assert_eq!(gone.await.unwrap(), None);
        let gone = w.write(move |tx| async move { delete(&tx, tenant, bob, 2, NOW).await });
        assert!(matches!(gone.await, Err(Error::Stale(_))));
    })
    .await;
}

#[tokio::test]
async fn pages_and_prefixes_go_in_order() {
    on_every_database(async |w: World| {
        let tenant = w.tenant;
        w.write(move |tx| async move {
            let mut ids = vec![w.user];
            for email in ["ad@x.example", "adb@x.example", "b@x.example", "AD\u{e9}@x.example"] {
                let new = user(id(), email);
                ids.push(create(&tx, tenant, &new, NOW).await?.id);
            }
            ids.sort_unstable();
            let first = page(&tx, tenant, None, 3).await?;
            let after = first.last().map(|u| (u.created_at, u.id));
            let rest = page(&tx, tenant, after, 3).await?;
            let seen: Vec<UserId> = first.iter().chain(&rest).map(|u| u.id).collect();
            assert_eq!(seen, ids);
            let found = search_email_prefix(&tx, tenant, "ad", 10).await?;
            let emails: Vec<_> = found.iter().filter_map(|u| u.email.as_deref()).collect();
            let expected =
                ["ad@x.example", "Ada@Example.com", "adb@x.example", "AD\u{e9}@x.example"];
            assert_eq!(emails, expected);
            assert_eq!(search_email_prefix(&tx, tenant, "ad", 2).await?.len(), 2);
            assert!(search_email_prefix(&tx, id(), "ad", 10).await?.is_empty());
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}
