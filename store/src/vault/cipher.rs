//! AES-256-GCM with random nonces.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bailiwick_domain::Env;
use zeroize::Zeroizing;

/// A parsed key. Random nonces are safe for 2^32 values under one key (NIST SP 800-38D 8.3).
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes")))
    }

    /// Appends nonce, data and tag.
    pub(super) fn seal_onto(&self, out: &mut Vec<u8>, aad: &[u8], plain: &[u8], env: &Env) {
        let nonce = env.bytes::<NONCE_LEN>();
        let mut data = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut data,
            )
            .expect("only more than 64 GiB cannot be sealed");
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&data);
    }

    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, data) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut data = Zeroizing::new(data.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = self.0.open_in_place(nonce, Aad::from(aad), &mut data).ok()?.len();
        data.truncate(len);
        Some(data)
    }
}
