//! Password hashing: Argon2id on a small pool of its own, with backpressure.

pub mod choice;
pub mod rehash;
mod stored;
pub mod strength;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::CustomizedPasswordHasher as _;
use argon2::password_hash::phc::{PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use bailiwick_domain::{Env, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use self::stored::Stored;
use self::strength::Strength;
use crate::config::Passwords;

pub use self::stored::ACCEPTED;

/// The shortest password that can be set anywhere, in bytes; tenants may ask people for more.
pub const MIN_PASSWORD: usize = 8;
/// The longest password that is looked at, in bytes: hashing must not become a way to burn CPU.
pub const MAX_PASSWORD: usize = 1_024;

/// How hashes of ours begin: OWASP's first choice, 19 MiB, two passes, one lane.
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Why a password was neither accepted nor refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Every thread is busy and the queue is full.
    #[error("too many sign-ins are waiting")]
    Busy,
    /// Hashing failed: a mistake of ours or a broken stored hash.
    #[error("the password could not be hashed")]
    Failed,
}

impl PasswordError {
    /// The kind that callers map.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Busy => Kind::Unavailable,
            Self::Failed => Kind::Internal,
        }
    }
}

type Work = Box<dyn FnOnce(&Hasher) + Send>;

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct PasswordPool {
    queue: SyncSender<Work>,
    env: Env,
}

struct Hasher {
    argon2: Argon2<'static>,
    /// Verified against when there is no such user, so that both take the same time.
    nobody: String,
}

impl PasswordPool {
    /// Starts the pool's threads. They end when the last handle is dropped.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(config: &Passwords, env: &Env) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if config.threads == 0 { cores } else { config.threads };
        let (queue, work) = sync_channel::<Work>(config.queue);
        let work = Arc::new(Mutex::new(work));
        let hasher = Arc::new(Hasher::new(env));
        for n in 0..threads {
            let (work, hasher) = (Arc::clone(&work), Arc::clone(&hasher));
            std::thread::Builder::new().name(format!("password-{n}")).spawn(move || {
                loop {
                    let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match next {
                        // A panic must not take the thread along.
                        Ok(work) => {
                            let work = std::panic::AssertUnwindSafe(|| work(&hasher));
                            let _ = std::panic::catch_unwind(work);
                        }
                        Err(_) => return,
                    }
                }
            })?;
        }
        Ok(Self { queue, env: env.clone() })
    }

    /// Hashes a password as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let salt = self.env.bytes::<16>();
        self.run(move |hasher| hasher.hash(password.expose_secret(), salt)).await?
    }

    /// How hard the password is to guess for somebody who knows `about`: the address, the name, the
    /// tenant.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait.
    pub async fn strength(
        &self,
        password: SecretString,
        about: Vec<String>,
    ) -> Result<Strength, PasswordError> {
        self.run(move |_| {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            Strength::of(password.expose_secret(), &about)
        })
        .await
    }

    /// Whether the password is the hashed one. Without a stored hash it does the same work and
    /// says no, so that time does not tell whether a user is there.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.run(move |hasher| {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| hasher.nobody.clone());
            let stored = Stored::parse(&text).ok_or(PasswordError::Failed)?;
            Ok(stored.opens_with(password.expose_secret()) && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |hasher| {
            // The caller may have gone away: then do not burn 18 ms for nobody.
            if !reply.is_closed() {
                let _ = reply.send(work(hasher));
            }
        });
        self.queue.try_send(work).map_err(|e| match e {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Failed,
        })?;
        answer.await.map_err(|_| PasswordError::Failed)
    }
}

/// Whether `text` is a password hash that can be stored: see [`ACCEPTED`].
#[must_use]
pub fn is_password_hash(text: &str) -> bool {
    Stored::parse(text).is_some()
}

/// Whether a password has fewer characters than the tenant asks for.
#[must_use]
pub fn is_short(password: &str, min_length: u32) -> bool {
    u32::try_from(password.chars().count()).is_ok_and(|length| length < min_length)
}

/// Whether a hash that this password has opened is to be replaced by one of ours.
#[must_use]
pub fn is_outdated(stored: &str, password: &str) -> bool {
    !stored.starts_with(CURRENT)
        && Stored::parse(stored).is_some_and(|s| s.looks_at_all_of(password))
}

impl Hasher {
    fn new(env: &Env) -> Self {
        let params = Params::new(19_456, 2, 1, None).expect("constants within Argon2's bounds");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hasher = Self { argon2, nobody: String::new() };
        hasher.nobody = hasher
            .hash(&env.token::<32>(), env.bytes())
            .expect("hashing a short text with these parameters cannot fail");
        hasher
    }

    fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
        let salt = Salt::new(&salt).map_err(|_| PasswordError::Failed)?;
        let hash: PasswordHash = self
            .argon2
            .hash_password_customized(
                password.as_bytes(),
                salt.as_ref(),
                None,
                None,
                self.argon2.params().clone(),
            )
            .map_err(|_| PasswordError::Failed)?;
        Ok(hash.to_string())
    }
}
