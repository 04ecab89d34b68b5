//! The scripts of the pages. The content security policy names each by its hash, so that no other
//! runs, whoever wrote the markup around it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value;

/// A script of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Asks the browser for a passkey.
    Passkeys,
    /// Submits a `form_post` response.
    FormPost,
    /// Goes on from a sign-out. The event comes when every frame is there; a frame that is slow is
    /// not waited for.
    GoOn,
}

impl Script {
    const ALL: [Self; 3] = [Self::Passkeys, Self::FormPost, Self::GoOn];

    const fn name(self) -> &'static str {
        match self {
            Self::Passkeys => "passkeys",
            Self::FormPost => "form_post",
            Self::GoOn => "go_on",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Passkeys => include_str!("../../assets/passkeys.js"),
            Self::FormPost => "document.getElementById(\"continue\").click();",
            Self::GoOn => {
                "const go=()=>location.replace(document.getElementById(\"continue\").href);\
                 addEventListener(\"load\",go);setTimeout(go,5000);"
            }
        }
    }

    /// What the policy allows of it.
    pub(super) fn directive(self) -> String {
        static HASHES: LazyLock<[String; 3]> = LazyLock::new(|| {
            Script::ALL.map(|s| STANDARD.encode(digest(&SHA256, s.source().as_bytes())))
        });
        let hash = HASHES.get(self as usize).map_or("", String::as_str);
        format!(" script-src 'sha256-{hash}';")
    }
}

/// All of them by name, as elements.
pub(super) fn elements() -> Value {
    let element = |s: Script| format!("<script>{}</script>", s.source());
    let all = Script::ALL.map(|s| (s.name(), Value::from_safe_string(element(s))));
    Value::from(BTreeMap::from(all))
}
