//! Password hashing: Argon2id on a small pool of its own, with backpressure.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use bailiwick_domain::{Env, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use crate::config::Passwords;

/// The shortest password that can be set, in bytes.
pub const MIN_PASSWORD: usize = 8;
/// The longest password that is looked at, in bytes: hashing must not become a way to burn CPU.
pub const MAX_PASSWORD: usize = 1_024;

/// Characters of a password whose strength is judged.
const LOOKED_AT: usize = 64;

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
    pub fn start(config: Passwords, env: &Env) -> std::io::Result<Self> {
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

    /// Whether somebody who knows `about` (the address, the name, the tenant) would guess the
    /// password within some thousand tries: a score of 0 or 1 of zxcvbn's 4.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait.
    pub async fn is_guessable(
        &self,
        password: SecretString,
        about: Vec<String>,
    ) -> Result<bool, PasswordError> {
        self.run(move |_| {
            // What is longer is not guessed, and would take long to look at.
            let start: String = password.expose_secret().chars().take(LOOKED_AT).collect();
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            zxcvbn::zxcvbn(&start, &about).score() < zxcvbn::Score::Two
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
            let hash = PasswordHash::new(&text).map_err(|_| PasswordError::Failed)?;
            if !is_affordable(&hash) {
                return Err(PasswordError::Failed);
            }
            // The stored hash's own parameters count, so that older hashes go on working.
            let right = hasher.argon2.verify_password(password.expose_secret().as_bytes(), &hash);
            Ok(right.is_ok() && known)
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

/// Whether `text` is a password hash that can be stored: Argon2 in PHC form, of bounded cost.
#[must_use]
pub fn is_password_hash(text: &str) -> bool {
    text.len() <= 512
        && PasswordHash::new(text).is_ok_and(|h| {
            h.algorithm.as_str().starts_with("argon2") && h.hash.is_some() && is_affordable(&h)
        })
}

/// A hash says itself what verifying it costs, and somebody else may have written it: at most
/// 64 MiB, ten passes and 256 MiB in all.
fn is_affordable(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|p| {
        let work = u64::from(p.m_cost()) * u64::from(p.t_cost());
        p.m_cost() <= 65_536 && p.t_cost() <= 10 && p.p_cost() <= 4 && work <= 262_144
    })
}

impl Hasher {
    fn new(env: &Env) -> Self {
        // OWASP's first choice: 19 MiB, two passes, one lane.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user() {
        let config = Passwords { threads: 1, queue: 4 };
        let pool = PasswordPool::start(config, &Env::system()).expect("starts");
        let hash = pool.hash("correct horse".into()).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password_hash(&hash) && !is_password_hash("plain") && !is_password_hash(""));
        assert_eq!(pool.verify("correct horse".into(), Some(hash.clone())).await, Ok(true));
        assert_eq!(pool.verify("wrong".into(), Some(hash)).await, Ok(false));
        assert_eq!(pool.verify("correct horse".into(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_hash_of_unbounded_cost_is_refused() {
        let config = Passwords { threads: 1, queue: 4 };
        let pool = PasswordPool::start(config, &Env::system()).expect("starts");
        let hash = pool.hash("x".into()).await.expect("hashes");
        for cost in ["m=33554432,t=2,p=1", "m=19456,t=4294967295,p=1", "m=65536,t=9,p=1"] {
            let dear = hash.replace("m=19456,t=2,p=1", cost);
            assert!(!is_password_hash(&dear), "{dear}");
            let verified = pool.verify("x".into(), Some(dear)).await;
            assert_eq!(verified, Err(PasswordError::Failed));
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let config = Passwords { threads: 1, queue: 1 };
        let pool = PasswordPool::start(config, &Env::system()).expect("starts");
        let many = (0..16).map(|_| pool.verify("x".into(), None));
        let done = futures_util::future::join_all(many).await;
        assert!(done.contains(&Err(PasswordError::Busy)) && done.contains(&Ok(false)));
    }
}
