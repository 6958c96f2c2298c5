//! What an image does when it runs. The name decides, so that anyone can try a failure.

mod mishap;

use super::HealthAnswer;

pub(super) use mishap::{Ending, Fate};

/// How long `demo/slow-start` answers 404, as a server does before its application is loaded. A load balancer that asks
/// five times, 30 s apart, still finds it healthy within five minutes.
const STARTS_FOR_MS: u64 = 100_000;
/// The one path at which `demo/old-path` is found healthy: the default of Express Mode.
const OLD_PATH: &str = "/ping";

/// The behaviour of a container, by its image's repository, whatever registry and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Answers 200 to everything.
    Healthy,
    /// `demo/errors`: healthy to the load balancer, 500 to everyone else.
    Errors,
    /// `demo/slow-start`: 404 for a while, then 200.
    StartsSlowly,
    /// `demo/old-path`: 404 to health checks at any other path than `/ping`.
    KnowsOldPath,
    /// Fails as the table in `image/mishap.rs` says.
    Fails(&'static Fate),
}

impl Behaviour {
    pub(super) fn of(image: &str) -> Self {
        let without_digest = image.split('@').next().unwrap_or(image);
        // A colon after the last slash starts the tag; one before it is a registry's port.
        let name_start = without_digest.rfind('/').map_or(0, |slash| slash + 1);
        let repository = match without_digest.rfind(':') {
            Some(colon) if colon > name_start => without_digest.get(..colon),
            Some(_) | None => Some(without_digest),
        }
        .unwrap_or(without_digest);
        let named = |name: &str| repository == name || repository.ends_with(&format!("/{name}"));
        if named("demo/errors") {
            return Self::Errors;
        }
        if named("demo/slow-start") {
            return Self::StartsSlowly;
        }
        if named("demo/old-path") {
            return Self::KnowsOldPath;
        }
        mishap::ROWS
            .iter()
            .find(|row| named(row.image))
            .map_or(Self::Healthy, |row| Self::Fails(&row.fate))
    }

    /// What becomes of it, if it does not simply run.
    pub(super) const fn fate(self) -> Option<&'static Fate> {
        match self {
            Self::Healthy | Self::Errors | Self::StartsSlowly | Self::KnowsOldPath => None,
            Self::Fails(fate) => Some(fate),
        }
    }

    /// How it ends by itself, if it does.
    pub(super) const fn ending(self) -> Option<&'static Ending> {
        match self.fate() {
            Some(Fate::Ends(ending)) => Some(ending),
            Some(
                Fate::NotPlaced(_)
                | Fate::NotLaunched(_)
                | Fate::NotStarted(_)
                | Fate::FallsIll(_)
                | Fate::Answers { .. },
            )
            | None => None,
        }
    }

    /// After how long its own health check fails, if it does.
    pub(super) const fn illness_ms(self) -> Option<u64> {
        match self.fate() {
            Some(Fate::FallsIll(after_ms)) => Some(*after_ms),
            Some(
                Fate::NotPlaced(_)
                | Fate::NotLaunched(_)
                | Fate::NotStarted(_)
                | Fate::Ends(_)
                | Fate::Answers { .. },
            )
            | None => None,
        }
    }

    /// What it logs when it starts to run.
    pub(super) const fn first_lines(self) -> &'static [&'static str] {
        match self.fate() {
            Some(Fate::Answers { health: _, log }) => log,
            Some(
                Fate::NotPlaced(_)
                | Fate::NotLaunched(_)
                | Fate::NotStarted(_)
                | Fate::FallsIll(_)
                | Fate::Ends(_),
            )
            | None => &[],
        }
    }

    /// The answer to a load balancer's health check at `path`, so many milliseconds after the start.
    pub(super) fn health_answer(self, path: &str, age_ms: u64) -> HealthAnswer {
        match self {
            Self::KnowsOldPath if path != OLD_PATH => HealthAnswer::Status(404),
            Self::Healthy | Self::Errors | Self::KnowsOldPath => HealthAnswer::Status(200),
            Self::StartsSlowly if age_ms < STARTS_FOR_MS => HealthAnswer::Status(404),
            Self::StartsSlowly => HealthAnswer::Status(200),
            Self::Fails(fate) => answer(fate),
        }
    }

    /// The answer to a visitor.
    pub(super) fn traffic_answer(self, age_ms: u64) -> HealthAnswer {
        match self {
            Self::Errors => HealthAnswer::Status(500),
            Self::Healthy | Self::StartsSlowly | Self::KnowsOldPath | Self::Fails(_) => {
                self.health_answer(OLD_PATH, age_ms)
            }
        }
    }
}

const fn answer(fate: &Fate) -> HealthAnswer {
    match fate {
        Fate::Answers { health, log: _ } => *health,
        // The load balancer would take some seconds longer to see it.
        Fate::FallsIll(_) => HealthAnswer::Status(503),
        Fate::NotPlaced(_) | Fate::NotLaunched(_) | Fate::NotStarted(_) | Fate::Ends(_) => {
            HealthAnswer::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_decides_whatever_registry_tag_or_digest() {
        for (image, health) in [
            ("demo/crash", HealthAnswer::Refused),
            ("localhost:5000/demo/crash:1.2", HealthAnswer::Refused),
            ("demo/unhealthy@sha256:00", HealthAnswer::Status(503)),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com/demo/not-found:v1@sha256:00",
                HealthAnswer::Status(404),
            ),
            ("demo/missing:latest", HealthAnswer::Refused),
            ("nodemo/crash", HealthAnswer::Status(200)),
            ("demo/errors:2", HealthAnswer::Status(200)),
            ("nginx", HealthAnswer::Status(200)),
        ] {
            assert_eq!(
                Behaviour::of(image).health_answer("/", 0),
                health,
                "{image}"
            );
        }
        assert_eq!(
            Behaviour::of("demo/errors").traffic_answer(0),
            HealthAnswer::Status(500)
        );
        let slow = Behaviour::of("demo/slow-start");
        assert_eq!(slow.health_answer("/", 99_999), HealthAnswer::Status(404));
        assert_eq!(slow.health_answer("/", 100_000), HealthAnswer::Status(200));
        let old = Behaviour::of("demo/old-path");
        assert_eq!(old.health_answer("/ping", 0), HealthAnswer::Status(200));
        assert_eq!(old.health_answer("/up", 0), HealthAnswer::Status(404));
    }

    #[test]
    fn each_image_of_the_table_is_found_by_its_own_name() {
        for row in mishap::ROWS {
            assert_eq!(Behaviour::of(row.image), Behaviour::Fails(&row.fate));
            assert!(row.image.starts_with("demo/"));
        }
    }
}
