//! How unusual a sign-in is: points for each reason, and what a tenant makes of their sum.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a sign-in is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The user has signed in before, and never in this browser.
    NewDevice,
    /// The user has signed in before, and lately never from this country.
    NewCountry,
    /// Nobody gets here from where the user was last in that time.
    ImpossibleTravel,
    /// Sign-ins to many accounts have failed from this network a short while ago.
    ManyAccounts,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] =
        [Self::NewDevice, Self::NewCountry, Self::ImpossibleTravel, Self::ManyAccounts];

    /// What it counts.
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Self::NewDevice => 20,
            Self::NewCountry => 30,
            Self::ImpossibleTravel => 50,
            Self::ManyAccounts => 40,
        }
    }
}

/// From how many points on a tenant does what; 0: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Risk {
    /// The person is told by mail: default 50.
    pub notify: u32,
    /// More than the password is asked for, of who has more, whatever the browser: default 50.
    pub second_factor: u32,
    /// The sign-in is not let through: default never.
    pub block: u32,
}

impl Default for Risk {
    fn default() -> Self {
        Self { notify: 50, second_factor: 50, block: 0 }
    }
}

impl Risk {
    /// What comes of a sign-in with so many points.
    #[must_use]
    pub fn decide(&self, score: u32) -> Decision {
        let from = |threshold: u32| threshold > 0 && score >= threshold;
        Decision {
            notify: from(self.notify),
            second_factor: from(self.second_factor),
            block: from(self.block),
        }
    }
}

/// What comes of a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The person is told.
    pub notify: bool,
    /// More than the password is asked for.
    pub second_factor: bool,
    /// It is not let through.
    pub block: bool,
}

/// A place on earth, as well as an address tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The name of the city, when known.
    pub city: Option<String>,
    /// Degrees north and east, when known.
    pub at: Option<(f64, f64)>,
}

/// An earlier sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// In this browser.
    pub here: bool,
    /// Where, when known.
    pub place: Option<Place>,
    /// When it was last used.
    pub at: Timestamp,
}

/// A sign-in, and what came before.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    /// Where, when known.
    pub place: Option<Place>,
    /// When.
    pub at: Timestamp,
    /// The last sign-ins of the user, the newest first.
    pub before: Vec<Seen>,
    /// To how many accounts sign-ins have failed from this network, a short while ago.
    pub failed_accounts: usize,
}

/// As many accounts are mistyped in an office within an hour; more are guessed.
const MANY: usize = 10;
/// Nobody moves as fast, in kilometres an hour, not even by air.
const FASTEST: f64 = 1_000.0;
/// An address may be as far from where it says, in kilometres.
const UNSURE: f64 = 500.0;

impl Signals {
    /// Why it is unusual. Who has never signed in has no habits.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if !self.before.is_empty() && !self.before.iter().any(|seen| seen.here) {
            reasons.push(Reason::NewDevice);
        }
        let mut countries = self.before.iter().filter_map(|seen| seen.place.as_ref());
        if let Some(here) = &self.place
            && countries.clone().next().is_some()
            && !countries.any(|place| place.country == here.country)
        {
            reasons.push(Reason::NewCountry);
        }
        if self.is_too_far() {
            reasons.push(Reason::ImpossibleTravel);
        }
        if self.failed_accounts >= MANY {
            reasons.push(Reason::ManyAccounts);
        }
        reasons
    }

    fn is_too_far(&self) -> bool {
        let here = self.place.as_ref().and_then(|place| place.at);
        let last = self.before.iter().find_map(|seen| Some((seen.place.as_ref()?.at?, seen.at)));
        let (Some(here), Some((there, then))) = (here, last) else { return false };
        let distance = kilometres(here, there) - UNSURE;
        distance > 0.0 && distance / FASTEST > self.at.since(then).as_secs_f64() / 3_600.0
    }
}

/// The points of some reasons: at most 100.
#[must_use]
pub fn score(reasons: &[Reason]) -> u32 {
    reasons.iter().map(|reason| reason.points()).sum::<u32>().min(100)
}

/// The distance of two places in degrees, over a sphere.
fn kilometres((north, east): (f64, f64), (other_north, other_east): (f64, f64)) -> f64 {
    let (a, b) = (north.to_radians(), other_north.to_radians());
    let half = |x: f64, y: f64| ((x - y).to_radians() / 2.0).sin().powi(2);
    let h = half(north, other_north) + a.cos() * b.cos() * half(east, other_east);
    2.0 * 6_371.0 * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: (f64, f64) = (52.5, 13.4);
    const TOKYO: (f64, f64) = (35.7, 139.7);
    const NOW: i64 = 1_000_000;

    fn place(country: &str, at: (f64, f64)) -> Option<Place> {
        Some(Place { country: country.into(), city: None, at: Some(at) })
    }

    fn seen(here: bool, place: Option<Place>, hours_ago: i64) -> Seen {
        Seen { here, place, at: Timestamp::from_secs(NOW - hours_ago * 3_600) }
    }

    fn reasons(place: Option<Place>, before: Vec<Seen>, failed_accounts: usize) -> Vec<Reason> {
        Signals { place, at: Timestamp::from_secs(NOW), before, failed_accounts }.reasons()
    }

    #[test]
    fn what_is_unusual() {
        use Reason::{ImpossibleTravel, ManyAccounts, NewCountry, NewDevice};
        let (de, jp) = (|| place("DE", BERLIN), || place("JP", TOKYO));
        for (found, wanted) in [
            (reasons(de(), vec![], 0), vec![]),
            (reasons(de(), vec![seen(true, de(), 1)], 9), vec![]),
            (reasons(None, vec![seen(true, None, 1)], 10), vec![ManyAccounts]),
            (reasons(de(), vec![seen(false, de(), 1)], 0), vec![NewDevice]),
            (reasons(de(), vec![seen(false, None, 1)], 0), vec![NewDevice]),
            (reasons(None, vec![seen(true, de(), 1)], 0), vec![]),
            (reasons(jp(), vec![seen(true, de(), 30)], 0), vec![NewCountry]),
            (reasons(jp(), vec![seen(true, de(), 2)], 0), vec![NewCountry, ImpossibleTravel]),
            (
                reasons(jp(), vec![seen(true, de(), 2), seen(true, jp(), 50)], 0),
                vec![ImpossibleTravel],
            ),
            // Where the last address is not known, the one before counts.
            (reasons(jp(), vec![seen(true, None, 1), seen(true, jp(), 2)], 0), vec![]),
        ] {
            assert_eq!(found, wanted);
        }
        assert!((kilometres(BERLIN, TOKYO) - 8_920.0).abs() < 50.0);
        assert!((kilometres((0.0, 0.0), (0.0, 180.0)) - 20_015.0).abs() < 5.0);
        assert_eq!(score(&Reason::ALL), 100);
        assert_eq!(score(&[]), 0);
    }

    #[test]
    fn what_a_tenant_makes_of_it() {
        let risk = Risk { notify: 20, second_factor: 50, block: 90 };
        let decided = |score| {
            let d = risk.decide(score);
            (d.notify, d.second_factor, d.block)
        };
        assert_eq!(decided(0), (false, false, false));
        assert_eq!(decided(20), (true, false, false));
        assert_eq!(decided(89), (true, true, false));
        assert_eq!(decided(100), (true, true, true));
        let never = Risk { notify: 0, second_factor: 0, block: 0 };
        assert_eq!(never.decide(100), Decision::default());
    }
}
