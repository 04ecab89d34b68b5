//! Passkeys (Web Authentication Level 3), which sign in with user verification always.
//!
//! What a ceremony needs at its end is a text that the caller keeps, sealed, and gives back once.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// Why a ceremony failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The issuer's host cannot be a relying party: it is an IP address.
    #[error("passkeys need a host name")]
    NoHost,
    /// The answer of the browser is not one, or is not right: another origin or challenge, a
    /// signature or a counter that does not fit, no user verification.
    #[error("the passkey was not accepted: {0}")]
    Refused(String),
    /// What was kept cannot be read.
    #[error("a stored passkey cannot be read")]
    Stored,
}

fn refused(e: impl std::fmt::Display) -> PasskeyError {
    PasskeyError::Refused(e.to_string())
}

/// A tenant as a relying party.
pub struct RelyingParty(Webauthn);

/// A ceremony that began.
#[derive(Clone, Debug)]
pub struct Begun {
    /// For `navigator.credentials`, with bytes as base64url.
    pub options: Value,
    /// For the end of the ceremony.
    pub state: String,
}

/// A new passkey.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// Names it: made of the credential's own id, so that nobody can register it a second time.
    pub id: Uuid,
    /// To be kept. It holds no secret.
    pub data: String,
}

/// A passkey that was used.
#[derive(Clone, Debug)]
pub struct UsedPasskey {
    /// To be kept from now on.
    pub data: String,
    /// Its signature counter.
    pub counter: i64,
    /// How the user was authenticated (RFC 8176): `hwk` or, for a key that is copied between
    /// devices, `swk`; and `user`.
    pub amr: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum State {
    Registration(PasskeyRegistration),
    Known(PasskeyAuthentication),
    Anybody(DiscoverableAuthentication),
}

impl RelyingParty {
    /// The relying party of an issuer: its host is the RP ID, its origin the only one.
    ///
    /// # Errors
    /// [`PasskeyError::NoHost`].
    pub fn new(issuer: &str, name: &str) -> Result<Self, PasskeyError> {
        let url = Url::parse(issuer).map_err(|_| PasskeyError::NoHost)?;
        let host = url.domain().ok_or(PasskeyError::NoHost)?;
        let origin = Url::parse(&url.origin().ascii_serialization());
        let origin = origin.map_err(|_| PasskeyError::NoHost)?;
        let party = WebauthnBuilder::new(host, &origin).map_err(refused)?;
        Ok(Self(party.rp_name(name).build().map_err(refused)?))
    }

    /// Begins to register a passkey beside those that the user has.
    ///
    /// # Errors
    /// As [`PasskeyError`].
    pub fn register(
        &self,
        (user, email, name): (Uuid, &str, &str),
        have: &[&str],
    ) -> Result<Begun, PasskeyError> {
        let have = passkeys(have)?.iter().map(|key| key.cred_id().clone()).collect();
        let (options, state) =
            self.0.start_passkey_registration(user, email, name, Some(have)).map_err(refused)?;
        let mut begun = begun(&options, &State::Registration(state))?;
        // One that can be found without saying who one is, where the device can.
        if let Some(wanted) = begun.options.pointer_mut("/publicKey/authenticatorSelection") {
            wanted["residentKey"] = "preferred".into();
        }
        Ok(begun)
    }

    /// The passkey that the browser made.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn registered(&self, answer: &str, state: &str) -> Result<NewPasskey, PasskeyError> {
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer).map_err(refused)?;
        let State::Registration(state) = read(state)? else { return Err(PasskeyError::Stored) };
        let key = self.0.finish_passkey_registration(&answer, &state).map_err(refused)?;
        Ok(NewPasskey { id: id_of(key.cred_id().as_ref()), data: text(&key)? })
    }

    /// Begins to sign in with one of these passkeys, or with none given, of whoever it is.
    ///
    /// # Errors
    /// As [`PasskeyError`].
    pub fn sign_in(&self, of: &[&str]) -> Result<Begun, PasskeyError> {
        if of.is_empty() {
            let (options, state) = self.0.start_discoverable_authentication().map_err(refused)?;
            return begun(&options, &State::Anybody(state));
        }
        let (options, state) =
            self.0.start_passkey_authentication(&passkeys(of)?).map_err(refused)?;
        begun(&options, &State::Known(state))
    }

    /// Whose passkey the browser says it used, and the id of the passkey. Nothing is proven yet.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn claimed(answer: &str) -> Result<(Option<Uuid>, Uuid), PasskeyError> {
        let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(refused)?;
        let user = answer.get_user_unique_id().and_then(|bytes| Uuid::from_slice(bytes).ok());
        Ok((user, id_of(answer.get_credential_id())))
    }

    /// The use of a passkey, when everything fits.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn used(&self, answer: &str, state: &str, kept: &str) -> Result<UsedPasskey, PasskeyError> {
        let answer: PublicKeyCredential = serde_json::from_str(answer).map_err(refused)?;
        let mut key: Passkey = read(kept)?;
        let done = match read(state)? {
            State::Known(state) => self.0.finish_passkey_authentication(&answer, &state),
            State::Anybody(state) => {
                let kept = DiscoverableKey::from(&key);
                self.0.finish_discoverable_authentication_v2(&answer, state, kept)
            }
            State::Registration(_) => return Err(PasskeyError::Stored),
        };
        let done = done.map_err(refused)?;
        // The passkey that was asked for, and a person in front of it.
        if key.update_credential(&done).is_none() || !done.user_verified() {
            return Err(PasskeyError::Refused("another passkey, or nobody there".into()));
        }
        let kind = if done.backup_eligible() { "swk" } else { "hwk" };
        Ok(UsedPasskey {
            data: text(&key)?,
            counter: i64::from(done.counter()),
            amr: vec![kind.to_owned(), "user".to_owned()],
        })
    }
}

fn begun(options: &impl Serialize, state: &State) -> Result<Begun, PasskeyError> {
    let options = serde_json::to_value(options).map_err(|_| PasskeyError::Stored)?;
    Ok(Begun { options, state: text(state)? })
}

fn text(value: &impl Serialize) -> Result<String, PasskeyError> {
    serde_json::to_string(value).map_err(|_| PasskeyError::Stored)
}

fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, PasskeyError> {
    serde_json::from_str(text).map_err(|_| PasskeyError::Stored)
}

fn passkeys(texts: &[&str]) -> Result<Vec<Passkey>, PasskeyError> {
    texts.iter().map(|text| read(text)).collect()
}

/// A credential's own id has up to 1,023 bytes.
fn id_of(credential: &[u8]) -> Uuid {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, credential);
    let bytes = hash.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
