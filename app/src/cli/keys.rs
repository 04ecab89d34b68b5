//! `bailiwick keys`: the signing keys of a tenant.

use std::fmt::Write as _;

use anyhow::{anyhow, bail};
use bailiwick_actors::{Error as OwnerError, KeyInfo, Platform, Rotation, TenantHandle};
use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{Env, SigningKeyId, Timestamp};
use bailiwick_protocol::jose::KeyState;
use bailiwick_store::Error as StoreError;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::apply::execute::operator;
use super::{Output, out};
use crate::config::Config;
use crate::server::open_platform;

/// The arguments of `keys`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the signing keys of a tenant, oldest first
    #[command(after_help = "Examples:
  bailiwick keys list --tenant demo
  bailiwick keys list --tenant demo --output json

A key is `next` (published, does not sign yet), `active`, `retired` (signs no more, is published
until its last token has expired) or `gone` (and erased within a minute).")]
    List(Common),
    /// Gives the keys of a tenant their successors
    #[command(after_help = "Examples:
  bailiwick keys rotate --tenant demo
  bailiwick keys rotate --tenant demo --alg RS256
  bailiwick keys rotate --tenant demo --now --output json

The successor is published at once and signs 15 minutes later, when no client can hold a JWKS
without it; what the old key signed stays valid until it expires. Asking again meanwhile changes
nothing. With --now it signs in five seconds: clients that do not fetch the JWKS again when they see an
unknown kid refuse its tokens for up to 10 minutes. By itself this happens every
`keys.rotation_days` of the tenant. It works while the server runs, which follows within a second.")]
    Rotate {
        #[command(flatten)]
        common: Common,
        /// Only the key of this algorithm: ES256, RS256, PS256 or EdDSA
        #[arg(long, value_parser = algorithm)]
        alg: Option<SigningAlg>,
        /// The successor signs in five seconds
        #[arg(long)]
        now: bool,
    },
    /// Revokes a key that somebody else may have, with every token that it signed
    #[command(after_help = "Examples:
  bailiwick keys list --tenant demo
  bailiwick keys revoke --tenant demo --kid sig_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f

For emergencies; to replace a key in good time use `bailiwick keys rotate`. The key leaves the JWKS
and is erased, its tokens are invalid at introspection and userinfo, and a new key signs in its
place. Sessions and refresh tokens live on. Resource servers that verify tokens by themselves
believe the key until they fetch the JWKS again, at most 10 minutes later: restart them. A running
server follows within a second. docs/guides/keys.md has the whole procedure.")]
    Revoke {
        #[command(flatten)]
        common: Common,
        /// The key: the `kid` of its tokens
        #[arg(long)]
        kid: SigningKeyId,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

fn algorithm(name: &str) -> Result<SigningAlg, String> {
    SigningAlg::parse(name).ok_or_else(|| {
        let names: Vec<_> = SigningAlg::ALL.iter().map(|alg| alg.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When there is no such tenant or key, and when the database fails.
pub async fn run(config: &Config, env: &Env, arguments: &Arguments) -> anyhow::Result<()> {
    let platform = open_platform(config, env).await?;
    let done = work(&platform, &arguments.command).await;
    platform.stop().await;
    let (Command::List(common) | Command::Rotate { common, .. } | Command::Revoke { common, .. }) =
        &arguments.command;
    let keys = done?;
    match common.output {
        Output::Json => {
            let keys: Vec<Value> = keys.iter().map(to_json).collect();
            out::json(&json!({ "tenant": common.tenant, "keys": keys }))
        }
        Output::Text => {
            let head = match &arguments.command {
                Command::List(_) => None,
                Command::Rotate { .. } => Some("The successors:".to_owned()),
                Command::Revoke { kid, .. } if keys.is_empty() => {
                    Some(format!("{kid} is revoked. It was not signing: nothing takes its place."))
                }
                Command::Revoke { kid, .. } => Some(format!("{kid} is revoked. In its place:")),
            };
            let lines = head.into_iter().chain(keys.iter().map(to_text)).collect::<Vec<_>>();
            Ok(out::line(&lines.join("\n"))?)
        }
    }
}

async fn work(platform: &Platform, command: &Command) -> anyhow::Result<Vec<KeyInfo>> {
    let actor = operator(platform.system_tenant().await?);
    let done = match command {
        Command::List(common) => find(platform, common).await?.signing_keys().await,
        Command::Rotate { common, alg, now } => {
            let rotation = if *now { Rotation::Now(*alg) } else { Rotation::Ahead(*alg) };
            find(platform, common).await?.rotate_keys(rotation, actor).await
        }
        Command::Revoke { common, kid } => {
            find(platform, common).await?.revoke_key(*kid, actor).await
        }
    };
    done.map_err(|e| match e {
        OwnerError::Invalid(mistakes) => {
            let list: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            anyhow!(list.join("; "))
        }
        OwnerError::Store(StoreError::NotFound(_)) => {
            anyhow!("the tenant has no such key: `bailiwick keys list` shows those that it has")
        }
        other => other.into(),
    })
}

async fn find(platform: &Platform, common: &Common) -> anyhow::Result<TenantHandle> {
    match platform.by_slug(&common.tenant).await? {
        Some(route) => Ok(route.tenant),
        None => bail!("there is no tenant with the slug {:?}", common.tenant),
    }
}

fn to_json(key: &KeyInfo) -> Value {
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
    json!({
        "kid": key.id,
        "alg": key.alg,
        "state": key.state.name(),
        "published_at": key.published_at.to_rfc3339(),
        "signs_from": key.signs_from.to_rfc3339(),
        "signs_until": time(key.signs_until),
        "gone_at": time(key.gone_at),
        "rotate_at": time(key.rotate_at),
    })
}

fn to_text(key: &KeyInfo) -> String {
    let mut line = format!("{}  {:5}  {:7}", key.id, key.alg.name(), key.state.name());
    let mut say = |what: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {what} {at}");
        }
    };
    if matches!(key.state, KeyState::Next | KeyState::Active) {
        say("signs from", Some(key.signs_from));
    }
    say("until", key.signs_until);
    say("published until", key.gone_at);
    say("successor due", key.rotate_at);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let key = KeyInfo {
            id: SigningKeyId(uuid::Uuid::from_u128(1)),
            alg: SigningAlg::ES256,
            state: KeyState::Active,
            published_at: Timestamp(0),
            signs_from: Timestamp(0),
            signs_until: None,
            gone_at: None,
            rotate_at: Some(Timestamp::from_secs(86_400)),
        };
        assert_eq!(
            to_text(&key),
            "sig_00000000000000000000000000000001  ES256  active   signs from \
             1970-01-01T00:00:00.000Z  successor due 1970-01-02T00:00:00.000Z"
        );
        assert_eq!(algorithm("EdDSA"), Ok(SigningAlg::EdDSA));
        assert!(algorithm("es256").is_err_and(|e| e.contains("RS256")));
    }
}
