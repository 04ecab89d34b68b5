use std::cell::RefCell;

use bailiwick_domain::TenantId;

use super::*;
use crate::batch::{self, Action, IssueGrant, UseAssertion};
use crate::testing::{NOW, World, id, mac, on_every_database};
use crate::tx::explained::PLANS;

/// Wants everything of `w` as `tenant`, twice, and something that is not there.
async fn look_up(w: &World, keys: Keys, tenant: TenantId) -> Found {
    let mut wanted = Wanted::default();
    for _ in 0..2 {
        keys.user.want(tenant, &mut wanted);
        keys.grant.want(tenant, &mut wanted);
        keys.code.want(tenant, &mut wanted);
        keys.family.want(tenant, &mut wanted);
        keys.browser.want(tenant, &mut wanted);
    }
    id::<UserId>().want(tenant, &mut wanted);
    let tenants = vec![w.tenant, tenant];
    let read = move |tx| async move { run(&tx, wanted, NOW).await };
    w.store.read(tenants, read).await.unwrap()
}

#[derive(Clone, Copy)]
struct Keys {
    user: UserId,
    grant: GrantId,
    code: CodeMac,
    family: FamilyId,
    browser: BrowserMac,
}

#[tokio::test]
async fn what_is_wanted_is_found_with_its_user_and_only_by_its_tenant() {
    on_every_database(async |w: World| {
        let (grant, code) = w.code().await;
        let (_, family) = w.family().await;
        let code = CodeMac(code);
        let keys = Keys { user: w.user, grant, code, family, browser: BrowserMac(w.browser_mac) };
        let found = look_up(&w, keys, w.tenant).await;
        let user = keys.user.take(w.tenant, &found).unwrap();
        assert_eq!(user.as_ref().map(|u| u.id), Some(w.user));
        let (row, of) = grant.take(w.tenant, &found).unwrap().expect("the grant");
        assert_eq!((row.id, &of), (grant, &user));
        let (row, of) = code.take(w.tenant, &found).unwrap().expect("the code");
        assert_eq!((row.grant, &of), (grant, &user));
        let (row, of) = family.take(w.tenant, &found).unwrap().expect("the family");
        assert_eq!((row.user, &of), (w.user, &user));
        let sessions = keys.browser.take(w.tenant, &found).unwrap();
        assert_eq!(sessions.iter().map(|s| s.id).collect::<Vec<_>>(), [w.session]);

        // Both tenants are in the transaction; the keys are still the other one's.
        let other = World::new(&w.store).await;
        let found = look_up(&w, keys, other.tenant).await;
        assert_eq!(keys.user.take(other.tenant, &found).unwrap(), None);
        assert!(grant.take(other.tenant, &found).unwrap().is_none());
        assert!(code.take(other.tenant, &found).unwrap().is_none());
        assert!(family.take(other.tenant, &found).unwrap().is_none());
        assert!(keys.browser.take(other.tenant, &found).unwrap().is_empty());
        assert_eq!(keys.user.take(w.tenant, &found).unwrap(), None, "not asked for");
    })
    .await;
}

/// The planner is held to the order in which statements name their tables, and to indexes
/// (`open.rs`); this holds the statements to having them.
#[tokio::test]
async fn every_group_finds_its_rows_by_key() {
    on_every_database(async |w: World| {
        let (_, code) = w.code().await;
        let (grant, family) = w.family().await;
        let parties = Parties { user: w.user, application: w.application, organization: None };
        let (user, browser, tenant) = (w.user, BrowserMac(w.browser_mac), w.tenant);
        let used = UseAssertion { application: w.application, jti_hash: mac(), expires_at: NOW };
        let issue = IssueGrant { session_until: Some(NOW), ..w.issue(mac()) };
        let commands = [
            Action::IssueGrant(issue),
            Action::UseAssertion(used),
            Action::RevokeToken { jti: "a".into(), expires_at: NOW },
        ];
        let mut commands = commands.map(|action| w.command(action)).to_vec();
        commands.push(w.redeem(code, Some(id())));
        commands.push(w.rotate(family, 0));
        let revoke = [
            Action::RevokeFamily(family),
            Action::RevokeGrants(vec![grant]),
            Action::EndSessions(vec![w.session]),
        ];
        let revoke = revoke.map(|action| w.command(action)).to_vec();
        let all = async move |tx: TenantTx| {
            let mut wanted = Wanted::default();
            user.want(tenant, &mut wanted);
            grant.want(tenant, &mut wanted);
            CodeMac(code).want(tenant, &mut wanted);
            family.want(tenant, &mut wanted);
            browser.want(tenant, &mut wanted);
            parties.want(tenant, &mut wanted);
            run(&tx, wanted, NOW).await?;
            batch::run(&tx, &commands, NOW).await?;
            batch::run(&tx, &revoke, NOW).await
        };
        let plans = w.write(move |tx| {
            PLANS.scope(RefCell::default(), async move {
                all(tx).await?;
                Ok(PLANS.with(RefCell::take))
            })
        });
        let plans = plans.await.unwrap();
        assert_eq!(plans.len() < 15, w.store.is_sqlite(), "{}", plans.len());
        for plan in plans {
            for wrong in ["Seq Scan", "Hash Join", "Merge Join", "Materialize"] {
                assert!(!plan.contains(wrong), "{plan}");
            }
        }
    })
    .await;
}
