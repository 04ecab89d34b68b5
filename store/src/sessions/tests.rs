use super::*;
use crate::browsers;
use crate::testing::{NOW, World, id, mac, on_every_database, password_at};

#[tokio::test]
async fn a_browser_changes_its_secret_with_every_sign_in() {
    on_every_database(async |w: World| {
        let (tenant, old, new) = (w.tenant, w.browser_mac, mac());
        w.clone()
            .write(move |tx| async move {
                let first = of_browser(&tx, tenant, &old, NOW).await?;
                assert_eq!(first.len(), 1);
                let row = &first[0];
                assert_eq!((row.id, row.user, row.auth_time), (w.session, w.user, NOW));
                assert_eq!(row.email.as_deref(), Some("Ada@Example.com"));
                assert_eq!(row.authentications, [password_at(NOW)]);
                let browser = row.browser;

                let again = StartSession {
                    session: id(),
                    browser_mac: new,
                    previous: Some((browser, old)),
                    ..w.sign_in()
                };
                assert_eq!(start(&tx, &again).await?, browser);
                assert!(of_browser(&tx, tenant, &old, NOW).await?.is_empty());
                assert_eq!(of_browser(&tx, tenant, &new, NOW).await?.len(), 2);
                assert_eq!(browsers::find(&tx, tenant, &new).await?.unwrap().id, browser);
                assert_eq!(browsers::find(&tx, tenant, &old).await?, None);
                assert_eq!(browsers::find(&tx, id(), &new).await?, None);

                // Another tab that still has the old secret gets a browser of its own.
                let late = StartSession { session: id(), browser_mac: mac(), ..again };
                start(&tx, &StartSession { browser: id(), ..late }).await?;
                assert_eq!(of_browser(&tx, tenant, &new, NOW).await?.len(), 2);
                Ok(())
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_by_time_by_hand_and_with_its_user() {
    on_every_database(async |w: World| {
        let (tenant, session, browser) = (w.tenant, w.session, w.browser_mac);
        let user = w.user;
        w.clone()
            .write(move |tx| async move {
                let at = |secs| NOW.plus_secs(secs);
                assert!(get(&tx, tenant, session, at(599)).await?.is_some());
                assert_eq!(get(&tx, tenant, session, at(600)).await?, None);
                assert!(touch(&tx, tenant, session, at(9_999), at(500)).await?);
                let row = get(&tx, tenant, session, at(600)).await?.unwrap();
                assert_eq!(row.idle_expires_at, at(3_600), "never beyond its end");
                assert_eq!(get(&tx, tenant, session, at(3_600)).await?, None);
                assert!(!touch(&tx, tenant, session, at(9_999), at(3_600)).await?);

                let steps = [password_at(NOW), password_at(at(70))];
                reauthenticate(&tx, tenant, session, &steps, at(80)).await?;
                let row = get(&tx, tenant, session, at(80)).await?.unwrap();
                assert_eq!((row.auth_time, &row.authentications[..]), (at(70), &steps[..]));
                let foreign = reauthenticate(&tx, id(), session, &steps, at(80)).await;
                assert!(matches!(foreign, Err(Error::NotFound(_))));

                assert!(end(&tx, tenant, &[id()], at(90)).await?.is_empty());
                assert_eq!(end_of_user(&tx, tenant, user, at(90)).await?, [session]);
                assert!(end(&tx, tenant, &[session], at(90)).await?.is_empty());
                assert!(of_browser(&tx, tenant, &browser, at(90)).await?.is_empty());

                let next = StartSession {
                    session: id(),
                    browser_mac: mac(),
                    browser: id(),
                    ..w.sign_in()
                };
                start(&tx, &next).await?;
                assert!(get(&tx, tenant, next.session, NOW).await?.is_some());
                crate::users::delete(&tx, tenant, user, 1, NOW).await?;
                assert_eq!(get(&tx, tenant, next.session, NOW).await?, None);
                let none =
                    StartSession { session: id(), browser_mac: mac(), browser: id(), ..next };
                assert!(matches!(start(&tx, &none).await, Err(Error::NotFound("user"))));
                Ok(())
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    on_every_database(async |w: World| {
        let (tenant, user, first) = (w.tenant, w.user, w.session);
        let later = |secs| StartSession {
            session: id(),
            browser_mac: mac(),
            browser: id(),
            authentications: vec![password_at(NOW.plus_secs(secs))],
            ..w.sign_in()
        };
        let (second, third) = (later(1), later(2));
        let newest = third.session;
        w.clone()
            .write(move |tx| async move {
                start(&tx, &second).await?;
                assert!(end_beyond(&tx, (tenant, user), 2, NOW).await?.is_empty());
                start(&tx, &third).await?;
                assert_eq!(end_beyond(&tx, (tenant, user), 2, NOW).await?, [first]);
                assert_eq!(end_beyond(&tx, (tenant, user), 1, NOW).await?, [second.session]);
                assert!(get(&tx, tenant, newest, NOW).await?.is_some());
                assert!(end_beyond(&tx, (id(), user), 0, NOW).await?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
    })
    .await;
}
