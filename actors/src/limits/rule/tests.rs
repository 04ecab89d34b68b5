use proptest::prelude::*;

use super::*;

/// Noon of a day in 2026.
const NOON: u64 = 1_772_366_400 * SECOND;

fn word() -> AtomicU64 {
    AtomicU64::new(0)
}

/// The most of these times that lie within `span` of each other.
fn densest(times: &[u64], span: u64) -> usize {
    let from = |(i, start): (usize, &u64)| {
        times.iter().skip(i).take_while(|at| **at - start < span).count()
    };
    times.iter().enumerate().map(from).max().unwrap_or(0)
}

/// The times at which requests that come in these steps are allowed.
fn allowed(rule: Rule, steps: &[u64], cost: u64) -> Vec<u64> {
    let (word, mut now) = (word(), NOON);
    let mut out = Vec::new();
    for step in steps {
        now += step;
        if rule.take(&word, cost, now).is_ok() {
            out.push(now);
        }
    }
    out
}

#[test]
fn a_bucket_gives_its_burst_and_then_its_rate() {
    let (rule, word) = (Rule::per_minute(60, 3), word());
    let left: Vec<_> = (0..3).map(|_| rule.take(&word, 1, NOON).expect("burst")).collect();
    assert_eq!(left.iter().map(|l| l.remaining).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(left.last().expect("three").reset, 3 * SECOND);
    assert_eq!(rule.take(&word, 1, NOON), Err(SECOND));
    assert_eq!(rule.take(&word, 1, NOON + SECOND - 1), Err(1));
    assert!(rule.take(&word, 1, NOON + SECOND).is_ok());
    rule.give_back(&word, 1);
    assert!(rule.take(&word, 1, NOON + SECOND).is_ok(), "taken back");
    assert!(rule.take(&word, 1, NOON + SECOND).is_err());
}

#[test]
fn a_window_waits_as_long_as_it_says() {
    let (rule, word) = (Rule::Window { limit: 10 }, word());
    for n in (0..10).rev() {
        let left = rule.take(&word, 1, NOON + SECOND).expect("within the limit");
        assert_eq!((left.remaining, left.reset), (n, 59 * SECOND));
    }
    let wait = rule.take(&word, 1, NOON + SECOND).expect_err("used up");
    assert_eq!(wait, 59 * SECOND + 6 * SECOND, "a tenth of the last minute has to be over");
    assert!(rule.take(&word, 1, NOON + SECOND + wait - 1).is_err());
    assert!(rule.take(&word, 1, NOON + SECOND + wait).is_ok());
    let half = NOON + 90 * SECOND;
    let more = (0..10).filter(|_| rule.take(&word, 1, half).is_ok()).count();
    assert_eq!(more, 4, "half of the last minute's ten, and one of this minute, count");
}

#[test]
fn a_clock_that_was_wrong_does_not_lock_for_long() {
    let (rule, word) = (Rule::per_minute(60, 3), word());
    rule.take(&word, 1, NOON + 1_000 * MINUTE).expect("a clock that is far ahead");
    let wait = rule.take(&word, 1, NOON).expect_err("it may be a debt");
    assert!(wait <= 4 * SECOND, "{wait}");
    // A thread that comes late does not begin the minute before anew.
    let (rule, word) = (Rule::Window { limit: 2 }, self::word());
    assert!(rule.take(&word, 1, NOON + MINUTE).is_ok());
    assert!(rule.take(&word, 1, NOON + MINUTE - 1).is_ok());
    assert!(rule.take(&word, 1, NOON + MINUTE).is_err());
}

#[test]
fn what_all_nodes_spent_counts() {
    let (rule, word) = (Rule::per_minute(60, 10), word());
    rule.take(&word, 1, NOON).expect("the first");
    // The others used nine seconds' worth, and one request of ours is not among them.
    rule.learn(&word, Total::Bucket(NOON + 8 * SECOND), 1);
    assert_eq!(rule.take(&word, 1, NOON).expect("one is left").remaining, 0);
    assert!(rule.take(&word, 1, NOON).is_err());

    let (rule, word) = (Rule::Window { limit: 10 }, self::word());
    rule.take(&word, 1, NOON).expect("the first");
    rule.learn(&word, Total::Window(NOON / MINUTE, 0, 8), 1);
    assert!(rule.take(&word, 1, NOON).is_ok());
    assert!(rule.take(&word, 1, NOON).is_err());
    rule.learn(&word, Total::Window(NOON / MINUTE + 9, 1_000, 1_000), 0);
    assert!(rule.take(&word, 1, NOON + 9 * MINUTE).is_err(), "another clock was right");
}

#[test]
fn threads_do_not_get_more_together() {
    for rule in [Rule::per_minute(60, 1_000), Rule::Window { limit: 1_000 }] {
        let word = word();
        let allowed: usize = std::thread::scope(|scope| {
            let one = || (0..1_000).filter(|_| rule.take(&word, 1, NOON).is_ok()).count();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|t| t.join().expect("joins")).sum()
        });
        assert_eq!(allowed, 1_000, "{rule:?}");
    }
}

#[test]
fn counts_are_bounded_and_come_back_from_their_word() {
    let counts = Counts { minute: 29_539_440, previous: 7, present: Counts::MOST };
    let same = Counts { minute: counts.minute & Counts::MINUTES, ..counts };
    assert_eq!(Counts::of(same.word()), same);
    let more = Counts { present: Counts::MOST + 5, ..same };
    assert_eq!(Counts::of(more.word()), same, "no count runs into its neighbour");
}

proptest! {
    #[test]
    fn a_bucket_never_allows_more(
        number in 1_u32..2_000,
        burst in 1_u32..200,
        cost in 1_u64..5,
        steps in prop::collection::vec(0_u64..3 * SECOND, 1..300),
        seconds in 1_u64..90,
    ) {
        let rule = Rule::per_minute(number, burst);
        let times = allowed(rule, &steps, cost);
        let span = seconds * SECOND;
        let cost = cost.min(u64::from(burst));
        // What came at the very start of a span is the burst; the rest came back within it.
        let most = (u64::from(burst) + u64::from(number) * span / MINUTE + 1) / cost;
        prop_assert!(densest(&times, span) as u64 <= most.max(1));
    }

    #[test]
    fn a_window_never_allows_more(
        limit in 1_u64..60,
        steps in prop::collection::vec(0_u64..4 * SECOND, 1..400),
    ) {
        let times = allowed(Rule::Window { limit }, &steps, 1);
        for minute in NOON / MINUTE..NOON / MINUTE + 30 {
            let within = times.iter().filter(|at| **at / MINUTE == minute).count();
            prop_assert!(within as u64 <= limit);
        }
        prop_assert!(densest(&times, MINUTE) as u64 <= 2 * limit);
    }

    #[test]
    fn whoever_waits_as_told_is_let_in(
        limit in 1_u64..100,
        burst in 1_u32..50,
        cost in 1_u64..9,
        steps in prop::collection::vec(0_u64..2 * SECOND, 1..200),
    ) {
        for rule in [Rule::Window { limit }, Rule::per_minute(60, burst)] {
            let (word, mut now) = (word(), NOON);
            for step in &steps {
                now += step;
                if let Err(wait) = rule.take(&word, cost, now) {
                    prop_assert!(wait > 0 && wait <= 2 * MINUTE);
                    now += wait;
                    prop_assert!(rule.take(&word, cost, now).is_ok(), "{rule:?}");
                }
            }
        }
    }
}
