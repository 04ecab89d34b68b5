//! Frames of the sign-out page, which sign the user out of applications (OpenID Connect Front-Channel
//! Logout 1.0).

use std::collections::HashSet;

use bailiwick_domain::{Application, SessionId};
use bailiwick_protocol::logout::frontchannel_uri;
use bailiwick_store::{Error as StoreError, logouts};

use crate::cx::Cx;
use crate::pages::Frame;

/// The most applications that one page opens.
const MOST: usize = 20;

/// The frames for sessions that have ended. Empty when they cannot be found out: what has ended has
/// ended, and the user goes on.
pub async fn of(cx: &Cx, ended: &[SessionId]) -> Vec<Frame> {
    let framed = |app: &Application| app.spec.frontchannel_logout_uri.is_some();
    if ended.is_empty() || !cx.view.applications.iter().any(framed) {
        return Vec::new();
    }
    let (tenant, sessions) = (cx.tenant_id(), ended.to_vec());
    let read = move |tx| async move { logouts::by_frame(&tx, tenant, &sessions).await };
    let found = cx.store().read::<_, StoreError, _, _>(tenant, read).await;
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "applications are not signed out of in frames");
        Vec::new()
    });
    let mut seen = HashSet::new();
    let frames = found.into_iter().filter_map(|(session, id)| {
        let spec = &cx.view.applications.by_id(id)?.application.spec;
        let src = frontchannel_uri(spec, cx.issuer(), session)?;
        Some(Frame { src, application: spec.name.clone() })
    });
    frames.filter(|frame| seen.insert(frame.src.clone())).take(MOST).collect()
}
