//! What a session remembers of where it was started, for its user to recognise it by.

use actix_web::HttpRequest;
use bailiwick_domain::SessionId;
use bailiwick_store::vault::Place;
use serde::{Deserialize, Serialize};

use crate::cx::Cx;

/// Longer ones are cut.
const MAX_AGENT: usize = 256;

/// What a browser says of itself, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `User-Agent`.
    agent: String,
    /// The address that it came from.
    pub address: Option<String>,
}

fn place(session: &SessionId) -> Place<'_> {
    Place { table: "sessions", column: "device", row: session.0.as_bytes().as_slice().into() }
}

impl Device {
    /// The device of a request.
    #[must_use]
    pub fn of(cx: &Cx, request: &HttpRequest) -> Self {
        let agent = request.headers().get("user-agent").and_then(|v| v.to_str().ok());
        let agent = agent.unwrap_or_default().chars().take(MAX_AGENT).collect();
        Self { agent, address: cx.from.map(|a| a.to_string()) }
    }

    /// As it is kept before it is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was kept; nothing when it cannot be read.
    #[must_use]
    pub fn from_bytes(plain: &[u8]) -> Self {
        serde_json::from_slice(plain).unwrap_or_default()
    }

    /// To be kept with a session.
    #[must_use]
    pub fn seal(&self, cx: &Cx, session: SessionId) -> Vec<u8> {
        cx.view.vault.seal(&place(&session), &self.to_bytes(), cx.env())
    }

    /// What was kept; nothing when it cannot be read.
    #[must_use]
    pub fn open(cx: &Cx, session: SessionId, sealed: Option<&[u8]>) -> Self {
        let plain = sealed.and_then(|s| cx.view.vault.open(&place(&session), s).ok());
        plain.map(|p| Self::from_bytes(&p)).unwrap_or_default()
    }

    /// The browser and the system, by the names that people know; none when neither is known.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        // The first that fits: most browsers say that they are others, too.
        const BROWSERS: [(&str, &str); 6] = [
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("CriOS/", "Chrome"),
            ("Safari/", "Safari"),
        ];
        const SYSTEMS: [(&str, &str); 6] = [
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Mac OS X", "macOS"),
            ("Linux", "Linux"),
        ];
        let find = |names: &[(&str, &'static str)]| {
            names.iter().find(|(part, _)| self.agent.contains(part)).map(|(_, name)| *name)
        };
        match (find(&BROWSERS), find(&SYSTEMS)) {
            (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                    Chrome/140.0 Safari/537.36 Edg/140.0";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 \
                     (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        for (agent, name) in [
            (linux, Some("Firefox, Linux")),
            (edge, Some("Edge, Windows")),
            (phone, Some("Safari, iPhone")),
            ("curl/8", None),
            ("", None),
        ] {
            let device = Device { agent: agent.into(), address: None };
            assert_eq!(device.name().as_deref(), name, "{agent}");
        }
    }
}
