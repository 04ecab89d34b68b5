//! A passkey in software, which does what a test tells it, right or wrong.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

/// User present, user verified.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
/// Attested credential data follow.
const ATTESTED: u8 = 0x40;

/// An authenticator with one passkey, in a browser at one origin.
pub struct Authenticator {
    key: EcdsaKeyPair,
    /// The credential's own id.
    pub id: Vec<u8>,
    /// The user handle that it was made for.
    pub user: Vec<u8>,
    /// Its signature counter; it counts up with every use.
    pub counter: u32,
    /// The origin of the browser.
    pub origin: String,
    /// The host that it believes to be the relying party.
    pub rp_id: String,
    /// Whether it looks at a fingerprint.
    pub verifies: bool,
}

impl Authenticator {
    /// A new one, in a browser at this address.
    ///
    /// # Panics
    /// When the address has no host.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let url = url::Url::parse(base).expect("an address");
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest(&SHA256, key.public_key().as_ref()).as_ref().to_vec();
        Self {
            key,
            id,
            user: Vec::new(),
            counter: 0,
            origin: url.origin().ascii_serialization(),
            rp_id: url.host_str().expect("a host").to_owned(),
            verifies: true,
        }
    }

    /// What `navigator.credentials.create` gives for these options, as the page sends it.
    ///
    /// # Panics
    /// When the options are none.
    #[must_use]
    pub fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("JSON");
        let wanted = &options["publicKey"];
        self.user = bytes(&wanted["user"]["id"]);
        let mut data = self.data(ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        // COSE_Key of ES256 (RFC 9053): 1: 2, 3: -7, -1: 1, -2: x, -3: y.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.push(0x59);
        object.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        object.extend(&data);
        let client = self.client_data("webauthn.create", &wanted["challenge"]);
        self.answer(&json!({
            "clientDataJSON": BASE64.encode(client),
            "attestationObject": BASE64.encode(object),
            "transports": ["internal"],
        }))
    }

    /// What `navigator.credentials.get` gives for these options, as the page sends it.
    ///
    /// # Panics
    /// When the options are none.
    #[must_use]
    pub fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("JSON");
        self.counter += 1;
        let data = self.data(0);
        let client = self.client_data("webauthn.get", &options["publicKey"]["challenge"]);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, &client).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("signs");
        self.answer(&json!({
            "clientDataJSON": BASE64.encode(client),
            "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature.as_ref()),
            "userHandle": BASE64.encode(&self.user),
        }))
    }

    fn answer(&self, response: &Value) -> String {
        let id = BASE64.encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response,
            "extensions": {} })
        .to_string()
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin,
            "crossOrigin": false })
        .to_string()
        .into_bytes()
    }

    /// Authenticator data (Web Authentication 6.1) up to the counter.
    fn data(&self, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        let verified = if self.verifies { VERIFIED } else { 0 };
        data.push(PRESENT | verified | more);
        data.extend(self.counter.to_be_bytes());
        data
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().unwrap_or_default()).expect("base64url")
}
