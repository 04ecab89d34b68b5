//! What nodes count together: rate limits in slices, failures one by one.
//!
//! The clock is the caller's: nodes run on the time of the database. Keys are MACs that the caller
//! makes, so nobody's name or address is in Redis. Each key expires by itself.

use std::time::Duration;

use bailiwick_domain::Timestamp;

use super::{Lua, Redis};
use crate::error::{Error, Result};

/// What a node has spent of one limit and tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Names the limit, the same on every node.
    pub key: [u8; 16],
    /// How it is counted.
    pub counting: Counting,
    /// How much was spent.
    pub spent: u32,
}

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// By the time at which a bucket is full again: nanoseconds in which one request comes back.
    Bucket(u64),
    /// By minutes.
    Window,
}

/// What all nodes together have spent of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// When the bucket is full again.
    Bucket(Timestamp),
    /// The minute since the epoch, the count of the one before, and its own.
    Window(u64, u64, u64),
}

/// Adds what was spent, and gives what all have spent. ARGV: now, then for each key what was spent
/// and its interval in nanoseconds, 0 for a window. Times are microseconds, which a Lua number
/// holds exactly.
static LEASE: Lua = Lua::new(
    r"
local now = tonumber(ARGV[1])
local out = {}
for i, key in ipairs(KEYS) do
  local spent, interval = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if interval > 0 then
    local full_at = math.max(tonumber(redis.call('GET', key) or '0'), now)
    full_at = full_at + math.ceil(spent * interval / 1000)
    local keep = math.ceil((full_at - now) / 1000) + 60000
    redis.call('SET', key, string.format('%.0f', full_at), 'PX', string.format('%.0f', keep))
    out[#out + 1], out[#out + 2], out[#out + 3] = full_at, 0, 0
  else
    local minute = math.floor(now / 60000000)
    local seen = redis.call('HMGET', key, 'm', 'p', 'c')
    local m, p, c = tonumber(seen[1] or minute), tonumber(seen[2] or 0), tonumber(seen[3] or 0)
    if minute == m + 1 then
      m, p, c = minute, c, 0
    elseif minute > m + 1 then
      m, p, c = minute, 0, 0
    end
    c = c + spent
    redis.call('HSET', key, 'm', m, 'p', p, 'c', c)
    redis.call('PEXPIRE', key, 180000)
    out[#out + 1], out[#out + 2], out[#out + 3] = m, p, c
  end
end
return out
",
);

/// Tells the others what was spent, and learns what all have spent, in the order of `asks`.
///
/// # Errors
/// [`Error::Unavailable`] while Redis is away.
pub async fn lease(redis: &Redis, asks: &[Ask], now: Timestamp) -> Result<Vec<Standing>> {
    let keys: Vec<_> = asks.iter().map(|ask| name("l", &ask.key)).collect();
    let mut args = vec![now.0];
    for ask in asks {
        let interval = match ask.counting {
            Counting::Bucket(interval) => i64::try_from(interval).unwrap_or(i64::MAX),
            Counting::Window => 0,
        };
        args.extend([i64::from(ask.spent), interval]);
    }
    let answer = redis.eval(&LEASE, &keys, &args).await?;
    if answer.len() != 3 * asks.len() {
        return Err(Error::Corrupt("lease"));
    }
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    let standing = |(ask, answer): (&Ask, &[i64])| match (ask.counting, answer) {
        (Counting::Bucket(_), [full_at, ..]) => Standing::Bucket(Timestamp(*full_at)),
        (_, [m, p, c]) => Standing::Window(number(*m), number(*p), number(*c)),
        _ => Standing::Window(0, 0, 0),
    };
    Ok(asks.iter().zip(answer.chunks_exact(3)).map(standing).collect())
}

/// A counter of failures: so many until so long after the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Names it, the same on every node.
    pub key: [u8; 16],
    /// The most failures.
    pub limit: u32,
    /// How long after the first one they are forgotten.
    pub window: Duration,
}

/// An attempt that must not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Which of the counters is full.
    pub which: usize,
    /// For how long.
    pub wait: Duration,
}

/// Counts one at every key, or at none when one of them is full. ARGV: now, how many of the last
/// counters do not count where the marker, which is the last key, is set; then limit and window of
/// each. Gives which counter is full, from 1 on, for how long, and how many counted.
static RESERVE: Lua = Lua::new(
    r"
local now, spare = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = #KEYS - 1
if spare > 0 and redis.call('EXISTS', KEYS[#KEYS]) == 1 then count = count - spare end
local state, full, wait = {}, 0, 0
for i = 1, count do
  local limit, window = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local seen = redis.call('HMGET', KEYS[i], 'n', 'u')
  local n, u = tonumber(seen[1] or 0), tonumber(seen[2] or 0)
  if u <= now then n, u = 0, now + window end
  if n >= limit and u - now > wait then full, wait = i, u - now end
  state[i] = { n, u, window }
end
if full == 0 then
  for i = 1, count do
    local n, u, window = unpack(state[i])
    redis.call('HSET', KEYS[i], 'n', n + 1, 'u', string.format('%.0f', u))
    redis.call('PEXPIRE', KEYS[i], math.ceil(window / 1000) + 60000)
  end
end
return { full, wait, count }
",
);

/// Counts an attempt before it is made: how many of the counters counted it. At a known place the
/// last ones, as many as `place` says, do not.
///
/// # Errors
/// [`Error::Unavailable`] while Redis is away.
pub async fn reserve(
    redis: &Redis,
    counters: &[Counter],
    place: (&[u8; 16], usize),
    now: Timestamp,
) -> Result<std::result::Result<usize, Blocked>> {
    let mut keys: Vec<_> = counters.iter().map(|c| name("f", &c.key)).collect();
    keys.push(name("k", place.0));
    let mut args = vec![now.0, i64::try_from(place.1).unwrap_or(0)];
    for counter in counters {
        let window = i64::try_from(counter.window.as_micros()).unwrap_or(i64::MAX);
        args.extend([i64::from(counter.limit), window]);
    }
    let answer = redis.eval(&RESERVE, &keys, &args).await?;
    let [full, wait, count] = answer.as_slice() else {
        return Err(Error::Corrupt("failure count"));
    };
    let wait = Duration::from_micros(u64::try_from(*wait).unwrap_or(0));
    Ok(match usize::try_from(*full).unwrap_or(0).checked_sub(1) {
        Some(which) => Err(Blocked { which, wait }),
        None => Ok(usize::try_from(*count).unwrap_or(0)),
    })
}

/// Takes one back at every key but the last. ARGV: for how many milliseconds the last one, a place,
/// is known from now on, when the first counters begin anew as well, and how many of them; 0 leaves
/// both.
static RELEASE: Lua = Lua::new(
    r"
for i = 1, #KEYS - 1 do
  local n = tonumber(redis.call('HGET', KEYS[i], 'n') or 0)
  if n > 0 then redis.call('HINCRBY', KEYS[i], 'n', -1) end
end
local known = tonumber(ARGV[1])
if known > 0 then
  for i = 1, math.min(tonumber(ARGV[2]), #KEYS - 1) do redis.call('DEL', KEYS[i]) end
  redis.call('SET', KEYS[#KEYS], '1', 'PX', ARGV[1])
end
return { 1 }
",
);

/// Takes an attempt back. After a success, which `known` tells, the place is known for so long, and
/// so many of the first counters begin anew.
///
/// # Errors
/// [`Error::Unavailable`] while Redis is away.
pub async fn release(
    redis: &Redis,
    counted: &[[u8; 16]],
    place: &[u8; 16],
    known: Option<(Duration, usize)>,
) -> Result<()> {
    let mut keys: Vec<_> = counted.iter().map(|key| name("f", key)).collect();
    keys.push(name("k", place));
    let (known, anew) = known.unwrap_or_default();
    let known = i64::try_from(known.as_millis()).unwrap_or(i64::MAX);
    redis.eval(&RELEASE, &keys, &[known, i64::try_from(anew).unwrap_or(0)]).await?;
    Ok(())
}

fn name(kind: &str, key: &[u8; 16]) -> String {
    format!("bw:{kind}:{:032x}", u128::from_be_bytes(*key))
}
