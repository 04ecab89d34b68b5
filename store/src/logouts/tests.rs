use bailiwick_domain::ApplicationSpec;
use serde_json::{Value, json};

use super::*;
use crate::batch::{Action, Command, IssueGrant, Outcome, run};
use crate::testing::{NOW, World, id, mac, on_every_database, spec};
use crate::{Error, applications, grants, sessions, sql};

fn told(client_id: &str, members: &Value) -> ApplicationSpec {
    let mut full = serde_json::to_value(spec(client_id)).unwrap();
    full.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(full).unwrap()
}

impl World {
    async fn application(&self, client_id: &str, members: Value) -> ApplicationId {
        let (tenant, application) = (self.tenant, id());
        let spec = told(client_id, &members);
        let insert = move |tx: TenantTx| async move {
            applications::insert(&tx, tenant, application, &spec, NOW).await
        };
        self.write(insert).await.unwrap();
        application
    }

    /// A grant of the session for an application.
    async fn grant(&self, application: ApplicationId, session: SessionId) -> IssueGrant {
        let issue = IssueGrant { application, session: Some(session), ..self.issue(mac()) };
        let command = self.command(Action::IssueGrant(issue.clone()));
        assert_eq!(self.commit(command).await, [Outcome::Issued]);
        issue
    }

    async fn commit(&self, command: Command) -> Vec<Outcome> {
        let tenant = self.tenant;
        let commit = move |tx: TenantTx| async move { run(&tx, &[command], NOW).await };
        self.store.write::<_, Error, _, _>(tenant, commit).await.unwrap()
    }

    async fn jobs(&self) -> Vec<(SessionId, Value)> {
        let tenant = self.tenant;
        let read = move |tx: TenantTx| async move {
            let sql = "SELECT id, payload FROM jobs WHERE tenant_id = $1 AND kind = $2 ORDER BY id";
            let kind = JobKind::SessionEnded.name();
            sql::all(&tx, sql, [tenant.0.into(), kind.into()]).await
        };
        let rows = self.write(read).await.unwrap();
        rows.iter().map(|r| (r.id("id").unwrap(), r.value("payload").unwrap())).collect()
    }

    async fn second_session(&self) -> SessionId {
        let start = sessions::StartSession {
            session: id(),
            browser: id(),
            browser_mac: mac(),
            ..self.sign_in()
        };
        let session = start.session;
        self.write(move |tx| async move { sessions::start(&tx, &start).await }).await.unwrap();
        session
    }
}

const BACK: &str = "https://app.example/back";
const FRONT: &str = "https://app.example/front";

#[tokio::test]
async fn every_way_of_ending_a_session_leaves_its_job_in_the_same_transaction() {
    on_every_database(async |w: World| {
        let (tenant, user) = (w.tenant, w.user);
        let app = w.application("told", json!({ "backchannel_logout_uri": BACK })).await;
        for way in 0..4 {
            let session = w.second_session().await;
            w.grant(app, session).await;
            // Twice: the application is told once.
            w.grant(app, session).await;
            let before = w.jobs().await.len();
            let ended = match way {
                0 => {
                    let end = w.command(Action::EndSessions(vec![session]));
                    w.commit(end).await;
                    true
                }
                1 => {
                    let end = move |tx: TenantTx| async move {
                        sessions::end(&tx, tenant, &[session], NOW).await
                    };
                    w.write(end).await.unwrap() == [session]
                }
                2 => {
                    // The grants fall in the same transaction, as when an account is cut off.
                    let end = move |tx: TenantTx| async move {
                        let ended = sessions::end_of_user(&tx, tenant, user, NOW).await?;
                        grants::revoke_of_user(&tx, tenant, user, NOW).await?;
                        Ok(ended)
                    };
                    w.write(end).await.unwrap().contains(&session)
                }
                _ => {
                    let end = move |tx: TenantTx| async move {
                        sessions::end_beyond(&tx, (tenant, user), 0, NOW).await
                    };
                    w.write(end).await.unwrap().contains(&session)
                }
            };
            let jobs = w.jobs().await;
            assert!(ended && jobs.len() == before + 1, "{way}: {jobs:?}");
            let (_, payload) = jobs.iter().find(|(id, _)| *id == session).unwrap();
            let applications = json!([app]);
            let (sid, told) = (json!(session), &payload["applications"]);
            assert_eq!((&payload["session"], told), (&sid, &applications));
            assert_eq!(payload["sub"], json!(user.0.simple().to_string()));
        }
    })
    .await;
}

#[tokio::test]
async fn only_applications_that_have_a_grant_and_an_address_are_told() {
    on_every_database(async |w: World| {
        let back = w.application("back", json!({ "backchannel_logout_uri": BACK })).await;
        let both = json!({ "backchannel_logout_uri": BACK, "frontchannel_logout_uri": FRONT });
        let both = w.application("both", both).await;
        let revoked = w.application("revoked", json!({ "backchannel_logout_uri": BACK })).await;
        let elsewhere = w.application("else", json!({ "backchannel_logout_uri": BACK })).await;
        w.application("unused", json!({ "backchannel_logout_uri": BACK })).await;
        let (tenant, session, other) = (w.tenant, w.session, w.second_session().await);
        for app in [back, both, w.application] {
            w.grant(app, session).await;
        }
        w.grant(elsewhere, other).await;
        let gone = w.grant(revoked, session).await.grant;
        let revoke = w.command(Action::RevokeGrants(vec![gone]));
        w.commit(revoke).await;
        let stranger = World::new(&w.store).await;
        let frames = move |tx: TenantTx| async move {
            let foreign = by_frame(&tx, stranger.tenant, &[session]).await?;
            Ok((by_frame(&tx, tenant, &[session, other]).await?, foreign))
        };
        assert_eq!(w.write(frames).await.unwrap(), (vec![(session, both)], Vec::new()));
        let end = w.command(Action::EndSessions(vec![session]));
        w.commit(end).await;
        let jobs = w.jobs().await;
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].1["applications"], json!([back, both]));
        // One that nobody wants to hear of leaves nothing.
        let silent = w.second_session().await;
        w.grant(w.application, silent).await;
        let end = w.command(Action::EndSessions(vec![silent, session]));
        w.commit(end).await;
        assert_eq!(w.jobs().await.len(), 1);
    })
    .await;
}
