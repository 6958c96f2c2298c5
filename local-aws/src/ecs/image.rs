//! What an image does when it runs. The name decides, so that anyone can try a failure.

use super::HealthAnswer;

/// The behaviour of a container, by its image's repository, whatever registry and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Answers 200 to everything.
    Healthy,
    /// `demo/crash`: exits with status 1 a second after its start.
    Crash,
    /// `demo/unhealthy`: answers 503 to everything.
    Unhealthy,
    /// `demo/errors`: healthy to the load balancer, 500 to everyone else.
    Errors,
    /// `demo/missing`: is in no registry.
    Missing,
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
        [
            ("demo/crash", Self::Crash),
            ("demo/unhealthy", Self::Unhealthy),
            ("demo/errors", Self::Errors),
            ("demo/missing", Self::Missing),
        ]
        .into_iter()
        .find(|(name, _)| named(name))
        .map_or(Self::Healthy, |(_, behaviour)| behaviour)
    }

    /// The answer to a load balancer's health check.
    pub(super) const fn health_answer(self) -> HealthAnswer {
        match self {
            Self::Healthy | Self::Errors => HealthAnswer::Status(200),
            Self::Unhealthy => HealthAnswer::Status(503),
            Self::Crash | Self::Missing => HealthAnswer::Refused,
        }
    }

    /// The answer to a visitor.
    pub(super) const fn traffic_answer(self) -> HealthAnswer {
        match self {
            Self::Healthy => HealthAnswer::Status(200),
            Self::Errors => HealthAnswer::Status(500),
            Self::Unhealthy => HealthAnswer::Status(503),
            Self::Crash | Self::Missing => HealthAnswer::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Behaviour;

    #[test]
    fn the_repository_decides_whatever_registry_tag_or_digest() {
        for (image, behaviour) in [
            ("demo/crash", Behaviour::Crash),
            ("localhost:5000/demo/crash:1.2", Behaviour::Crash),
            ("demo/unhealthy@sha256:00", Behaviour::Unhealthy),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com/demo/errors:v1@sha256:00",
                Behaviour::Errors,
            ),
            ("demo/missing:latest", Behaviour::Missing),
            ("nodemo/crash", Behaviour::Healthy),
            ("nginx", Behaviour::Healthy),
        ] {
            assert_eq!(Behaviour::of(image), behaviour, "{image}");
        }
    }
}
