use super::*;
use crate::testing::{NOW, World, id, mac, on_every_database};

#[tokio::test]
async fn a_link_works_once_for_a_while_and_only_the_last_one() {
    on_every_database(async |w: World| {
        let (tenant, user) = (w.tenant, w.user);
        let link = move |mac| NewLink {
            mac,
            purpose: Purpose::ResetPassword,
            user: Some(user),
            sealed: Some(vec![1, 2]),
            expires_at: NOW.plus_secs(600),
        };
        let [first, second, third] = [mac(), mac(), mac()];
        w.write(move |tx| async move {
            create(&tx, tenant, &link(first), NOW).await?;
            assert!(get(&tx, tenant, &first).await?.expect("there").works(NOW));
            create(&tx, tenant, &link(second), NOW).await?;
            assert!(use_once(&tx, tenant, &first, NOW).await?.is_none(), "there is a newer one");
            assert!(use_once(&tx, id(), &second, NOW).await?.is_none(), "another tenant's");
            let used = use_once(&tx, tenant, &second, NOW).await?.expect("it works");
            assert_eq!((used.user, used.sealed), (Some(user), Some(vec![1, 2])));
            assert!(use_once(&tx, tenant, &second, NOW).await?.is_none(), "twice");
            assert!(!get(&tx, tenant, &second).await?.expect("kept").works(NOW));
            create(&tx, tenant, &link(third), NOW).await?;
            let late = NOW.plus_secs(600);
            assert!(use_once(&tx, tenant, &third, late).await?.is_none(), "too late");
            // Another purpose, and one of nobody yet, leave it alone.
            let other = NewLink { purpose: Purpose::Register, user: None, ..link(mac()) };
            create(&tx, tenant, &other, NOW).await?;
            assert!(use_once(&tx, tenant, &third, NOW).await?.is_some());
            Ok(())
        })
        .await
        .unwrap();
    })
    .await;
}
