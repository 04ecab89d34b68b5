use bailiwick_domain::EventKind;
use serde_json::json;

use super::*;
use crate::audit::{Actor, ActorKind};
use crate::sql::{self, Row as _};
use crate::testing::{NOW, World, id, mac, on_every_database};
use crate::{Error, applications, codes, families, grants, sessions, users};

const LATER: Timestamp = NOW.plus_secs(60);

impl World {
    async fn run(&self, commands: Vec<Command>) -> Vec<Outcome> {
        self.run_at(commands, NOW).await
    }

    async fn run_at(&self, commands: Vec<Command>, now: Timestamp) -> Vec<Outcome> {
        let tenants: Vec<TenantId> = commands.iter().map(|c| c.tenant).collect();
        self.store
            .write(tenants, move |tx| async move { run(&tx, &commands, now).await })
            .await
            .unwrap()
    }

    /// One command, with an event.
    pub(crate) fn command(&self, action: Action) -> Command {
        let audit = AuditEvent {
            id: id(),
            tenant: self.tenant,
            at: NOW,
            kind: EventKind::GrantIssued,
            actor: Actor { kind: ActorKind::User, tenant: self.tenant, id: Some(self.user.0) },
            target: None,
            data: json!({}),
            personal_sealed: None,
            personal_hash: None,
        };
        Command { id: id(), tenant: self.tenant, action, audit: Some(audit) }
    }

    pub(crate) fn issue(&self, code: [u8; 32]) -> IssueGrant {
        IssueGrant {
            grant: id(),
            user: self.user,
            application: self.application,
            organization: None,
            session: Some(self.session),
            session_until: None,
            scopes: ScopeSet::parse("openid profile").unwrap(),
            expires_at: NOW.plus_secs(3_600),
            code: Some(NewCode { mac: code, details: json!({"nonce": "n"}), expires_at: LATER }),
        }
    }

    pub(crate) fn redeem(&self, code: [u8; 32], family: Option<FamilyId>) -> Command {
        let family = family.map(|id| NewFamily {
            id,
            details: json!({"amr": ["pwd"]}),
            expires_at: NOW.plus_secs(1_800),
        });
        self.command(Action::RedeemCode(RedeemCode {
            mac: code,
            application: self.application,
            family,
        }))
    }

    pub(crate) fn rotate(&self, family: FamilyId, presented: i64) -> Command {
        let application = self.application;
        self.command(Action::RotateRefresh(RotateRefresh { family, application, presented }))
    }

    /// A grant with a code that is not redeemed yet.
    pub(crate) async fn code(&self) -> (GrantId, [u8; 32]) {
        let code = mac();
        let issue = self.issue(code);
        let grant = issue.grant;
        let done = self.run(vec![self.command(Action::IssueGrant(issue))]).await;
        assert_eq!(done, [Outcome::Issued]);
        (grant, code)
    }

    /// A grant with a family at generation 0.
    pub(crate) async fn family(&self) -> (GrantId, FamilyId) {
        let (grant, code) = self.code().await;
        let family = id();
        let done = self.run(vec![self.redeem(code, Some(family))]).await;
        assert!(matches!(&done[..], [Outcome::Redeemed(_)]));
        (grant, family)
    }

    async fn family_row(&self, family: FamilyId) -> families::FamilyRow {
        let tenant = self.tenant;
        self.write(move |tx| async move { families::get(&tx, tenant, family).await })
            .await
            .unwrap()
            .unwrap()
    }

    async fn events(&self) -> usize {
        let tenant = self.tenant;
        self.write(move |tx| async move { audit::page(&tx, tenant, None, 1_000).await })
            .await
            .unwrap()
            .len()
    }

    async fn revocations(&self) -> Vec<(String, i64)> {
        let tenant = self.tenant;
        self.write(move |tx| async move {
            sql::all(
                &tx,
                "SELECT key, version FROM changes WHERE tenant_id = $1 AND topic = 'revoked' \
                 ORDER BY seq",
                [tenant.0.into()],
            )
            .await?
            .iter()
            .map(|row| Ok((row.value("key")?, row.value("version")?)))
            .collect()
        })
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn a_code_is_redeemed_once() {
    on_every_database(async |w: World| {
        let (grant, code) = w.code().await;
        let (first, second) = (id(), id());
        let mut stranger = w.redeem(code, Some(id()));
        if let Action::RedeemCode(r) = &mut stranger.action {
            r.application = ApplicationId(uuid::Uuid::nil());
        }
        let winner = w.redeem(code, Some(first));
        let winner_id = winner.id;
        let before = w.events().await;
        let done = w.run(vec![stranger, winner, w.redeem(code, Some(second))]).await;
        let redeemed = Redeemed {
            grant,
            user: w.user,
            session: Some(w.session),
            scopes: ScopeSet::parse("openid profile").unwrap(),
            details: json!({"nonce": "n"}),
        };
        assert_eq!(done, [Outcome::Lost, Outcome::Redeemed(redeemed), Outcome::Lost]);
        assert_eq!(w.events().await, before + 1, "only the winner is told");
        assert_eq!(w.run(vec![w.redeem(code, None)]).await, [Outcome::Lost]);

        let tenant = w.tenant;
        let (row, lost) = w
            .write(move |tx| async move {
                let lost = families::get(&tx, tenant, second).await?;
                Ok((codes::get(&tx, tenant, &code).await?.unwrap(), lost))
            })
            .await
            .unwrap();
        assert_eq!(lost, None);
        assert_eq!((row.used_at, row.used_by), (Some(NOW), Some(winner_id)));
        let family = w.family_row(first).await;
        assert_eq!((family.generation, family.grant, family.user), (0, grant, w.user));
        assert_eq!(family.details, json!({"amr": ["pwd"]}));
        assert!(family.user_active && !family.grant_revoked);
    })
    .await;
}

#[tokio::test]
async fn concurrent_transactions_redeem_a_code_once() {
    on_every_database(async |w: World| {
        let (_, code) = w.code().await;
        let tries = (0..8).map(|_| w.run(vec![w.redeem(code, Some(id()))]));
        let done = futures_util::future::join_all(tries).await;
        let won = done.iter().flatten().filter(|o| o.won()).count();
        assert_eq!(won, 1, "{done:?}");
    })
    .await;
}

#[tokio::test]
async fn a_family_rotates_from_its_present_generation_only() {
    on_every_database(async |w: World| {
        let (_, family) = w.family().await;
        let mut stranger = w.rotate(family, 0);
        if let Action::RotateRefresh(r) = &mut stranger.action {
            r.application = ApplicationId(uuid::Uuid::nil());
        }
        let done = w
            .run(vec![stranger, w.rotate(family, 1), w.rotate(family, 0), w.rotate(family, 0)])
            .await;
        let [Outcome::Lost, Outcome::Lost, Outcome::Rotated(rotated), Outcome::Lost] = &done[..]
        else {
            panic!("{done:?}");
        };
        let user = rotated.user.as_ref().map(|u| u.id);
        assert_eq!((rotated.generation, user), (1, Some(w.user)));
        assert_eq!(rotated.details, json!({"amr": ["pwd"]}));
        assert_eq!(w.run(vec![w.rotate(family, 0)]).await, [Outcome::Lost]);
        assert!(w.run(vec![w.rotate(family, 1)]).await[0].won());
        assert_eq!(w.family_row(family).await.generation, 2);
        let end = NOW.plus_secs(1_800);
        assert_eq!(w.run_at(vec![w.rotate(family, 2)], end).await, [Outcome::Lost]);
    })
    .await;
}

#[tokio::test]
async fn a_revoked_grant_gives_nothing() {
    on_every_database(async |w: World| {
        let (with_code, code) = w.code().await;
        let (with_family, family) = w.family().await;
        let before = w.events().await;
        // In one batch the revocation wins, wherever it stands.
        let done = w
            .run(vec![
                w.redeem(code, None),
                w.rotate(family, 0),
                w.command(Action::RevokeGrants(vec![with_code, with_code])),
                w.command(Action::RevokeFamily(family)),
                w.command(Action::RevokeFamily(family)),
            ])
            .await;
        assert_eq!(
            done,
            [
                Outcome::Lost,
                Outcome::Lost,
                Outcome::Revoked(vec![with_code]),
                Outcome::Revoked(vec![with_family]),
                Outcome::Revoked(vec![]),
            ]
        );
        assert_eq!(w.events().await, before + 2);
        let row = w.family_row(family).await;
        assert!(row.grant_revoked && row.revoked_at == Some(NOW));
        let mut told = w.revocations().await;
        told.sort_unstable();
        let mut expected = [with_code, with_family].map(|g| (format!("grant:{g}"), NOW.0));
        expected.sort_unstable();
        assert_eq!(told, expected);
    })
    .await;
}

#[tokio::test]
async fn tokens_and_sessions_are_announced() {
    on_every_database(async |w: World| {
        let revoke = Action::RevokeToken { jti: "abc".into(), expires_at: LATER };
        let done = w
            .run(vec![w.command(revoke), w.command(Action::EndSessions(vec![w.session, id()]))])
            .await;
        assert_eq!(done, [Outcome::TokenRevoked, Outcome::Ended(vec![w.session])]);
        let session = (format!("session:{}", w.session), NOW.0);
        assert_eq!(w.revocations().await, [("jti:abc".to_owned(), LATER.0), session]);
        // A grant that is bound to the session is not issued any more; another may be.
        let bound = w.issue(mac());
        let free = IssueGrant { session: None, ..w.issue(mac()) };
        let done = w
            .run(vec![w.command(Action::IssueGrant(bound)), w.command(Action::IssueGrant(free))])
            .await;
        assert_eq!(done, [Outcome::Refused, Outcome::Issued]);
    })
    .await;
}

#[tokio::test]
async fn everything_is_checked_again() {
    on_every_database(async |w: World| {
        let stranger = World::new(&w.store).await;
        let refused = [
            IssueGrant { session: Some(stranger.session), ..w.issue(mac()) },
            IssueGrant { user: stranger.user, session: None, ..w.issue(mac()) },
            IssueGrant { application: stranger.application, ..w.issue(mac()) },
        ];
        let commands = refused.map(|issue| w.command(Action::IssueGrant(issue)));
        assert_eq!(w.run(commands.into()).await, vec![Outcome::Refused; 3]);
        let idle = w.command(Action::IssueGrant(w.issue(mac())));
        assert_eq!(w.run_at(vec![idle], NOW.plus_secs(600)).await, [Outcome::Refused]);

        let (_, code) = w.code().await;
        assert_eq!(w.run_at(vec![w.redeem(code, None)], LATER).await, [Outcome::Lost]);
        let (grant, family) = w.family().await;
        let (tenant, user, application) = (w.tenant, w.user, w.application);
        w.write(move |tx| async move {
            let patch = users::UserPatch { active: Some(false), ..Default::default() };
            users::update(&tx, tenant, user, 1, &patch, NOW).await
        })
        .await
        .unwrap();
        let all = || {
            vec![
                w.redeem(code, None),
                w.rotate(family, 0),
                w.command(Action::IssueGrant(w.issue(mac()))),
            ]
        };
        let nothing = [Outcome::Lost, Outcome::Lost, Outcome::Refused];
        assert_eq!(w.run(all()).await, nothing, "inactive user");
        assert!(!w.family_row(family).await.user_active);
        w.write(move |tx| async move {
            let patch = users::UserPatch { active: Some(true), ..Default::default() };
            users::update(&tx, tenant, user, 2, &patch, NOW).await?;
            assert!(grants::is_alive(&tx, tenant, grant, NOW).await?);
            applications::delete(&tx, tenant, application, 1, NOW).await?;
            assert!(!grants::is_alive(&tx, tenant, grant, NOW).await?);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(w.run(all()).await, nothing, "removed application");
    })
    .await;
}

#[tokio::test]
async fn a_foreign_tenant_finds_nothing() {
    on_every_database(async |w: World| {
        let other = World::new(&w.store).await;
        let (grant, code) = w.code().await;
        let (family_grant, family) = w.family().await;
        let as_other = |mut c: Command| {
            (c.tenant, c.audit) = (other.tenant, None);
            c
        };
        let done = w
            .run(vec![
                as_other(w.redeem(code, None)),
                as_other(w.rotate(family, 0)),
                as_other(w.command(Action::RevokeGrants(vec![grant, family_grant]))),
                as_other(w.command(Action::RevokeFamily(family))),
                as_other(w.command(Action::EndSessions(vec![w.session]))),
                w.rotate(family, 0),
            ])
            .await;
        assert!(done[..5].iter().all(|o| !o.won()), "{done:?}");
        assert!(done[5].won());
        let (session, user, tenant) = (w.session, w.user, other.tenant);
        other
            .write(move |tx| async move {
                assert_eq!(codes::get(&tx, tenant, &code).await?, None);
                assert_eq!(families::get(&tx, tenant, family).await?, None);
                assert_eq!(grants::get(&tx, tenant, grant).await?, None);
                assert_eq!(sessions::get(&tx, tenant, session, NOW).await?, None);
                assert_eq!(users::get(&tx, tenant, user).await?, None);
                Ok(())
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_full_batch_of_many_tenants_is_a_few_statements() {
    on_every_database(async |w: World| {
        let others = [World::new(&w.store).await, World::new(&w.store).await];
        let worlds = [&w, &others[0], &others[1]];
        let owner = |i: usize| worlds[i % 3];
        let codes: Vec<_> = (0..MAX_COMMANDS).map(|_| mac()).collect();
        let issue = codes.iter().enumerate().map(|(i, code)| {
            let w = owner(i);
            w.command(Action::IssueGrant(w.issue(*code)))
        });
        assert_eq!(w.run(issue.collect()).await, vec![Outcome::Issued; MAX_COMMANDS]);
        let families: Vec<FamilyId> = codes.iter().map(|_| id()).collect();
        let redeem = std::iter::zip(&codes, &families).enumerate();
        let redeem = redeem.map(|(i, (code, family))| owner(i).redeem(*code, Some(*family)));
        assert!(w.run(redeem.collect()).await.iter().all(Outcome::won));
        let rotate = families.iter().enumerate().map(|(i, f)| owner(i).rotate(*f, 0)).collect();
        assert!(w.run(rotate).await.iter().all(Outcome::won));
        let events = w.events().await;
        assert_eq!(events, 3 * MAX_COMMANDS.div_ceil(3));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_used_lives_on_but_never_beyond_its_end() {
    on_every_database(async |w: World| {
        let (tenant, session) = (w.tenant, w.session);
        let idle_end = async |now: Timestamp| {
            let get = move |tx| async move { sessions::get(&tx, tenant, session, now).await };
            w.write(get).await.unwrap().map(|row| row.idle_expires_at)
        };
        let use_until = async |secs: [u32; 2]| {
            let until = |secs| Some(NOW.plus_secs(secs));
            let issue = |secs| IssueGrant { session_until: until(secs), ..w.issue(mac()) };
            let issue = secs.map(|secs| w.command(Action::IssueGrant(issue(secs))));
            assert_eq!(w.run(issue.into()).await, [Outcome::Issued, Outcome::Issued]);
        };
        use_until([900, 700]).await;
        assert_eq!(idle_end(NOW).await, Some(NOW.plus_secs(900)), "the later of two");
        use_until([9_999, 9_999]).await;
        assert_eq!(idle_end(NOW).await, Some(NOW.plus_secs(3_600)));
        let end = w.command(Action::EndSessions(vec![session]));
        let issue = IssueGrant { session_until: Some(LATER), ..w.issue(mac()) };
        let late = w.command(Action::IssueGrant(issue));
        assert_eq!(w.run(vec![end, late]).await[1], Outcome::Refused, "it does not wake again");
        assert_eq!(idle_end(NOW).await, None);
    })
    .await;
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    on_every_database(async |w: World| {
        let used = UseAssertion { application: w.application, jti_hash: mac(), expires_at: LATER };
        let other = UseAssertion { jti_hash: mac(), ..used };
        let commands = [used, used, other].map(|a| w.command(Action::UseAssertion(a)));
        let done = w.run(commands.into()).await;
        assert_eq!(done, [Outcome::Fresh, Outcome::Replayed, Outcome::Fresh]);
        let tenant = w.tenant;
        let again = w
            .write(move |tx| async move {
                let (app, hash) = (used.application, used.jti_hash);
                Ok::<_, Error>((
                    crate::assertions::use_once(&tx, tenant, app, &hash, LATER).await?,
                    crate::assertions::use_once(&tx, tenant, app, &mac(), LATER).await?,
                ))
            })
            .await
            .unwrap();
        assert_eq!(again, (false, true));
    })
    .await;
}

#[tokio::test]
async fn a_failing_batch_does_nothing() {
    on_every_database(async |w: World| {
        let first = w.issue(mac());
        let grant = first.grant;
        let second = IssueGrant { code: first.code.clone(), ..w.issue(mac()) };
        let commands = [first, second].map(|issue| w.command(Action::IssueGrant(issue))).to_vec();
        let tenant = w.tenant;
        let failed = w.write(move |tx| async move { run(&tx, &commands, NOW).await }).await;
        assert!(failed.is_err(), "two grants with one code");
        let found = w.write(move |tx| async move { grants::get(&tx, tenant, grant).await }).await;
        assert_eq!(found.unwrap(), None);
        assert_eq!(w.events().await, 0);
    })
    .await;
}

/// See the head of `batch.rs`.
#[test]
fn no_condition_can_be_turned_around() {
    let statements = [
        include_str!("issue.rs"),
        include_str!("redeem.rs"),
        include_str!("rotate.rs"),
        include_str!("../grants.rs"),
    ];
    for text in statements {
        assert!(!text.contains("AND EXISTS"), "{text}");
    }
}
