//! The master keyring: key id to key. The first wraps the tenants' keys, all unwrap them.

use std::fmt;
use std::io::Write as _;
use std::path::Path;

use bailiwick_domain::Env;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::cipher::Cipher;
use crate::error::{Error, Result};

/// Master keys in order; the first wraps.
pub struct MasterKeyring {
    keys: Vec<(String, Cipher)>,
}

impl fmt::Debug for MasterKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

impl MasterKeyring {
    /// The keyring in a file, which is made, with one key, when it is not there.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read or made, is open to everybody, or holds no
    /// keyring.
    pub fn load_or_create(path: &Path, env: &Env) -> Result<Self> {
        let failed = |e: std::io::Error| Error::Config(format!("{}: {e}", path.display()));
        let mut options = std::fs::OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                let key = Zeroizing::new(env.bytes::<32>());
                let key = Zeroizing::new(STANDARD.encode(*key));
                let line = Zeroizing::new(format!("{}:{}\n", env.token::<6>(), *key));
                file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Self::parse(&line)
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Self::load(path),
            Err(e) => Err(failed(e)),
        }
    }

    /// The keyring in a file.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read, is open to everybody, or holds no keyring.
    pub fn load(path: &Path) -> Result<Self> {
        let failed = |e: String| Error::Config(format!("{}: {e}", path.display()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?;
            // A group may read it: that is how orchestrators hand a secret to a service.
            if mode.permissions().mode() & 0o027 != 0 {
                let why = "the master keys are open to others: run `chmod 600` on this file";
                return Err(failed(why.into()));
            }
        }
        let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        Self::parse(&Zeroizing::new(text)).map_err(|e| failed(e.to_string()))
    }

    /// Lines of `id:base64`, each a key of 32 bytes; blank lines and lines after `#` are skipped.
    ///
    /// # Errors
    /// [`Error::Config`], which does not show what a line holds.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys: Vec<(String, Cipher)> = Vec::new();
        let lines = text.lines().map(str::trim).enumerate();
        for (n, line) in lines.filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
            let wrong = |why: &str| Error::Config(format!("master key in line {}: {why}", n + 1));
            let (id, key) = line.split_once(':').ok_or_else(|| wrong("must be id:base64"))?;
            let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| wrong("is not base64"))?);
            let key = key.as_slice().try_into().map_err(|_| wrong("must have 32 bytes"))?;
            if id.is_empty() || keys.iter().any(|(known, _)| known == id) {
                return Err(wrong("must have an id of its own"));
            }
            keys.push((id.to_owned(), Cipher::new(key)));
        }
        if keys.is_empty() {
            return Err(Error::Config("there is no master key".into()));
        }
        Ok(Self { keys })
    }

    /// Wraps a key; gives it with the id of the master key.
    pub(super) fn wrap(&self, aad: &[u8], key: &[u8; 32], env: &Env) -> (String, Vec<u8>) {
        let (id, master) = self.keys.first().expect("never empty by construction");
        let mut out = vec![super::FORMAT];
        master.seal_onto(&mut out, aad, key, env);
        (id.clone(), out)
    }

    /// Unwraps a key with the master key of that id.
    pub(super) fn unwrap(
        &self,
        id: &str,
        aad: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>> {
        let (_, master) = self.keys.iter().find(|(known, _)| known == id).ok_or_else(|| {
            Error::Config(format!("the master key {id} is in use and not in the keyring"))
        })?;
        let plain = wrapped.strip_prefix(&[super::FORMAT]).and_then(|w| master.open(aad, w));
        let key = plain.and_then(|p| p.as_slice().try_into().ok());
        key.map(Zeroizing::new).ok_or(Error::Sealed("data key"))
    }
}
