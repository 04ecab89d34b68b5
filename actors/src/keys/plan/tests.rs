use std::time::Duration;

use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const TERMS: Terms = Terms { now: NOW, rotation_days: 90, jitter: 0 };

fn id(n: u128) -> SigningKeyId {
    SigningKeyId(Uuid::from_u128(n))
}

/// An open key that signs since some days.
fn open(n: u128, alg: SigningAlg, days: u32) -> Row {
    let signs_from = NOW.minus(DAY * days);
    Row {
        id: id(n),
        alg,
        public_jwk: serde_json::Value::Null,
        private_sealed: Vec::new(),
        published_at: signs_from,
        signs_from,
        signs_until: None,
        gone_at: None,
        rotate_at: TERMS.rotates_at(signs_from),
    }
}

/// The rows as they are after a plan; keys that are made have the numbers from 100 on.
fn done(rows: &[Row], wish: Wish, terms: Terms) -> Vec<Row> {
    let plan = plan(rows, wish, terms).expect("it can be planned");
    let drafts = (100_u128..)
        .zip(SigningAlg::ALL)
        .map(|(n, alg)| Row { published_at: terms.now, ..open(n, alg, 0) });
    let (made, missing) = plan.fill(drafts.collect());
    assert!(missing.is_empty());
    let stays = |row: &&Row| {
        plan.removed.as_ref().is_none_or(|gone| gone.id != row.id)
            && plan.retimed.iter().all(|other| other.id != row.id)
    };
    let mut after: Vec<Row> = rows.iter().filter(stays).cloned().collect();
    after.extend(plan.retimed.iter().cloned().chain(made));
    after.sort_by_key(|row| row.id);
    after
}

/// What everybody relies on: one key signs at any time, and is published long enough around that.
fn sound(rows: &[Row], alg: SigningAlg, terms: Terms) {
    let of: Vec<&Row> = rows.iter().filter(|r| r.alg == alg).collect();
    for minutes in 0..60 * 26 {
        let now = terms.now.plus(Duration::from_secs(60 * minutes));
        let signing = of.iter().filter(|r| times(r).state(now) == KeyState::Active).count();
        assert_eq!(signing, 1, "{minutes} minutes later");
    }
    assert_eq!(of.iter().filter(|r| r.signs_until.is_none()).count(), 1, "one is open");
    for row in of {
        assert_eq!(row.signs_until.map(|at| at.plus(PUBLISHED_AFTER)), row.gone_at);
        assert_eq!(row.rotate_at.is_some(), row.signs_until.is_none() && terms.rotation_days > 0);
    }
}

const ES: SigningAlg = SigningAlg::ES256;
const RS: SigningAlg = SigningAlg::RS256;

#[test]
fn a_due_key_gets_one_successor_that_is_published_ahead() {
    let rows = [open(1, ES, 90), open(2, RS, 10)];
    let due = Wish::Rotate(Rotation::Due);
    let after = done(&rows, due, TERMS);
    sound(&after, ES, TERMS);
    assert_eq!(after.len(), 3);
    assert_eq!(after[1], rows[1], "the other one is not due");
    let takes_over = NOW.plus(PUBLISHED_AHEAD);
    assert_eq!(after[0].signs_until, Some(takes_over));
    assert_eq!((after[2].published_at, after[2].signs_from), (NOW, takes_over));
    // Another node that comes to the same, now or while the successor waits.
    for wait in [Duration::ZERO, PUBLISHED_AHEAD, DAY] {
        let later = Terms { now: NOW.plus(wait), ..TERMS };
        assert_eq!(plan(&after, due, later).expect("plans"), Plan::default());
    }
    assert_eq!(plan(&[open(1, ES, 89)], due, TERMS).expect("plans"), Plan::default());
}

#[test]
fn whoever_asks_twice_is_named_the_same_successor() {
    let rows = [open(1, ES, 3), open(2, RS, 3)];
    let ahead = Wish::Rotate(Rotation::Ahead(None));
    let after = done(&rows, ahead, TERMS);
    for alg in [ES, RS] {
        sound(&after, alg, TERMS);
    }
    let later = Terms { now: NOW.plus_secs(60), ..TERMS };
    let again = plan(&after, ahead, later).expect("plans");
    assert_eq!(again, Plan { named: vec![id(100), id(101)], ..Plan::default() });
    let one = done(&rows, Wish::Rotate(Rotation::Ahead(Some(RS))), TERMS);
    assert_eq!((one.len(), &one[0]), (3, &rows[0]));
}

#[test]
fn a_successor_signs_now_or_is_brought_forward() {
    let rows = [open(1, ES, 3)];
    let now = Wish::Rotate(Rotation::Now(None));
    let at_once = done(&rows, now, TERMS);
    sound(&at_once, ES, TERMS);
    let soon = NOW.plus(KNOWN_EVERYWHERE);
    assert_eq!((at_once[0].signs_until, at_once[1].signs_from), (Some(soon), soon));
    let ahead = done(&rows, Wish::Rotate(Rotation::Ahead(None)), TERMS);
    let later = Terms { now: NOW.plus_secs(60), ..TERMS };
    let forward = done(&ahead, now, later);
    sound(&forward, ES, later);
    assert_eq!(forward.len(), 2, "no third key");
    let soon = later.now.plus(KNOWN_EVERYWHERE);
    assert_eq!((forward[0].signs_until, forward[1].signs_from), (Some(soon), soon));
}

#[test]
fn what_is_not_there_is_not_rotated_and_too_much_is_refused() {
    let path = |wish| match plan(&[open(1, ES, 3)], wish, TERMS) {
        Err(Error::Invalid(mistakes)) => mistakes[0].path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(Wish::Rotate(Rotation::Ahead(Some(RS)))), "alg");
    let mut rows = vec![open(0, ES, 3)];
    for n in 0.. {
        let terms = Terms { now: NOW.plus_secs(6 * n), ..TERMS };
        let Ok(plan) = plan(&rows, Wish::Rotate(Rotation::Now(None)), terms) else { break };
        let draft = Row { published_at: terms.now, ..open(u128::from(n) + 1, ES, 0) };
        rows.retain(|row| plan.retimed.iter().all(|other| other.id != row.id));
        rows.extend(plan.retimed.iter().cloned().chain(plan.fill(vec![draft]).0));
    }
    assert_eq!(rows.len(), MOST_RETIRED + 1);
    let gone = Terms { now: NOW.plus(DAY * 2), ..TERMS };
    assert!(plan(&rows, Wish::Rotate(Rotation::Now(None)), gone).is_ok());
}

#[test]
fn an_algorithm_gets_a_key_when_it_has_none_that_signs() {
    let rows = [open(1, ES, 3)];
    assert_eq!(plan(&rows, Wish::Ensure(ES), TERMS).expect("plans").named, [id(1)]);
    let after = done(&rows, Wish::Ensure(RS), TERMS);
    sound(&after, RS, TERMS);
    assert_eq!(after[0], rows[0]);
    let none = plan(&rows, Wish::Ensure(RS), TERMS).expect("plans");
    assert_eq!(none.fill(Vec::new()), (Vec::new(), vec![RS]));
}

#[test]
fn a_revoked_key_is_replaced_at_once() {
    let rows = [open(1, ES, 3), open(2, RS, 3)];
    let after = done(&rows, Wish::Revoke(id(1)), TERMS);
    sound(&after, ES, TERMS);
    assert_eq!(after.iter().map(|r| r.id).collect::<Vec<_>>(), [id(2), id(100)]);
    // With a successor on its way: the new one fills the time until then.
    let ahead = done(&rows, Wish::Rotate(Rotation::Ahead(Some(ES))), TERMS);
    let later = Terms { now: NOW.plus_secs(60), ..TERMS };
    let mut ahead = ahead;
    ahead[2].id = id(3);
    let after = done(&ahead, Wish::Revoke(id(1)), later);
    sound(&after, ES, later);
    assert_eq!(after.len(), 3);
    // The successor itself: the one before it goes on.
    let after = done(&ahead, Wish::Revoke(id(3)), later);
    sound(&after, ES, later);
    assert_eq!(after, rows);
    // A retired one: nothing else changes.
    let taken_over = Terms { now: NOW.plus(PUBLISHED_AHEAD), ..TERMS };
    let after = done(&ahead, Wish::Revoke(id(1)), taken_over);
    assert_eq!(after, ahead[1..]);
    for missing in [id(9), id(1)] {
        let late = Terms { now: NOW.plus(DAY * 3), ..TERMS };
        let refused = plan(&ahead, Wish::Revoke(missing), late);
        assert!(matches!(refused, Err(Error::Store(StoreError::NotFound(_)))), "{missing}");
    }
}

#[test]
fn another_setting_replans_only_what_is_open() {
    let rows = done(&[open(1, ES, 3)], Wish::Rotate(Rotation::Ahead(None)), TERMS);
    let replanned = |rotation_days| {
        let after = replanned(rows.clone(), Terms { rotation_days, ..TERMS });
        after.map(|row| (row.id, row.rotate_at)).collect::<Vec<_>>()
    };
    assert_eq!(replanned(0), [(id(100), None)]);
    let month = rows[1].signs_from.plus(DAY * 30 - PUBLISHED_AHEAD);
    assert_eq!(replanned(30), [(id(100), Some(month))]);
    let never = Terms { rotation_days: 0, ..TERMS };
    sound(&done(&[open(1, ES, 3)], Wish::Rotate(Rotation::Now(None)), never), ES, never);
}
