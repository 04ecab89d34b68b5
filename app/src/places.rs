//! Where addresses are, from a database in the format of `MaxMind` that the operator may bring.

use std::net::IpAddr;
use std::path::Path;

use bailiwick_domain::risk::Place;
use maxminddb::{Reader, geoip2};

/// Tells where addresses are; without a database, of none.
#[derive(Default)]
pub struct Places(Option<Reader<Vec<u8>>>);

impl Places {
    /// Reads a database of cities or countries, such as `GeoLite2-City.mmdb`.
    ///
    /// # Errors
    /// When the file cannot be read, or is no such database.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let reader = file.map(|file| {
            let context = || format!("{} is not a database of places", file.display());
            Reader::open_readfile(file).with_context(context)
        });
        Ok(Self(reader.transpose()?))
    }

    /// Where an address is, when that is known.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Place> {
        let found = self.0.as_ref()?.lookup(address.to_canonical()).ok()?;
        let city: geoip2::City<'_> = found.decode().ok()??;
        let at = city.location.latitude.zip(city.location.longitude);
        let name = city.city.names.english.map(str::to_owned);
        let country = city.country.iso_code?.to_owned();
        Some(Place { country, city: name, at })
    }

    /// As people read it; none when it is not known.
    #[must_use]
    pub fn name(&self, address: &str) -> Option<String> {
        let place = self.of(address.parse().ok()?)?;
        Some(match place.city {
            Some(city) => format!("{city}, {}", place.country),
            None => place.country,
        })
    }
}
