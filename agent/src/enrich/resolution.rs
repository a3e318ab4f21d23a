//! How far the identity of a container and its pod is known, and if not entirely, why.

use super::identity::{Reach, Source};
use crate::event::Container;

/// What an alert says under `resolution`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// A process of the host: there is nothing to resolve.
    Host,
    /// Everything that is asked for is known: container and image, pod and namespace, and with an API server the
    /// pod's owner.
    Complete,
    /// A container that belongs to no pod.
    NotAPod,
    /// A pod known by its UID: nobody is asked for its name, because there is neither runtime nor API server to
    /// ask, or they are switched off, or not in this build.
    ContainerOnly,
    /// There is no runtime to ask for name and image of the container; the API server told the pod.
    NoRuntime,
    /// The container runtime does not answer at all.
    RuntimeUnreachable,
    /// The container runtime was asked and has not answered in time.
    NoRuntimeAnswer,
    /// The container runtime has no such container: another runtime made it, or it is gone already.
    NoSuchContainer,
    /// The API server does not answer at all.
    ApiUnreachable,
    /// The API server has not told of the pod in time.
    ApiUnknownPod,
    /// Too many events waited for identities; this one was not kept waiting.
    TooManyWaiting,
    /// The path of the cgroup was not seen, so container or host is open.
    CgroupUnknown,
}

impl Resolution {
    /// All of them, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Host,
        Self::Complete,
        Self::NotAPod,
        Self::ContainerOnly,
        Self::NoRuntime,
        Self::RuntimeUnreachable,
        Self::NoRuntimeAnswer,
        Self::NoSuchContainer,
        Self::ApiUnreachable,
        Self::ApiUnknownPod,
        Self::TooManyWaiting,
        Self::CgroupUnknown,
    ];

    /// Text of the key `resolution`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Complete => "complete",
            Self::NotAPod => "not_a_pod",
            Self::ContainerOnly => "container_only",
            Self::NoRuntime => "no_runtime",
            Self::RuntimeUnreachable => "runtime_unreachable",
            Self::NoRuntimeAnswer => "no_runtime_answer",
            Self::NoSuchContainer => "no_such_container",
            Self::ApiUnreachable => "api_unreachable",
            Self::ApiUnknownPod => "api_unknown_pod",
            Self::TooManyWaiting => "too_many_waiting",
            Self::CgroupUnknown => "cgroup_unknown",
        }
    }

    /// Whether there is nothing that could be known and is not.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Host | Self::Complete | Self::NotAPod)
    }
}

/// Whether runtime and API server answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    runtime: Reach,
    cluster: Reach,
}

impl Default for Sources {
    /// Nobody is asked, until somebody says that he is.
    fn default() -> Self {
        Self {
            runtime: Reach::Off,
            cluster: Reach::Off,
        }
    }
}

/// How far one container is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) resolution: Resolution,
    /// Whether more may become known.
    pub(super) is_open: bool,
}

impl Sources {
    pub(super) fn set(&mut self, source: Source, reach: Reach) {
        match source {
            Source::Runtime => self.runtime = reach,
            Source::Cluster => self.cluster = reach,
        }
    }

    pub(super) fn reach(&self, source: Source) -> &Reach {
        match source {
            Source::Runtime => &self.runtime,
            Source::Cluster => &self.cluster,
        }
    }

    /// How far a container is known; `denied` where the runtime said that it has none of that id.
    ///
    /// A runtime that is down is waited for: it comes back within seconds, and nobody but it can tell. An API
    /// server that is down is not: it may be away for hours, while the runtime names the pod.
    pub(super) fn standing(&self, container: &Container, denied: bool) -> Standing {
        let open = |resolution| Standing {
            resolution,
            is_open: true,
        };
        let closed = |resolution| Standing {
            resolution,
            is_open: false,
        };
        if container.details.is_none() {
            match &self.runtime {
                Reach::Off => {}
                Reach::Down(_) => return open(Resolution::RuntimeUnreachable),
                Reach::Up if denied => return open(Resolution::NoSuchContainer),
                Reach::Starting | Reach::Up => return open(Resolution::NoRuntimeAnswer),
            }
        }
        let Some(pod) = &container.pod else {
            return closed(Resolution::NotAPod);
        };
        if pod.cluster.is_none() {
            match &self.cluster {
                Reach::Off => {}
                Reach::Down(_) => return closed(Resolution::ApiUnreachable),
                Reach::Starting => return open(Resolution::ApiUnreachable),
                Reach::Up => return open(Resolution::ApiUnknownPod),
            }
        }
        closed(match (&container.details, &pod.name) {
            (_, None) => Resolution::ContainerOnly,
            (None, Some(_)) => Resolution::NoRuntime,
            (Some(_), Some(_)) => Resolution::Complete,
        })
    }

    /// Whether the runtime can be asked for what it has not told.
    pub(super) fn has_runtime(&self) -> bool {
        self.runtime != Reach::Off
    }

    /// Why a source does not answer, where that is the resolution.
    pub(super) fn why(&self, resolution: Resolution) -> Option<&str> {
        let reach = match resolution {
            Resolution::RuntimeUnreachable => &self.runtime,
            Resolution::ApiUnreachable => &self.cluster,
            _ => return None,
        };
        match reach {
            Reach::Down(why) => Some(why),
            Reach::Starting => Some("it has not answered yet"),
            Reach::Off | Reach::Up => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ContainerDetails, Pod, PodObject};

    fn down() -> Reach {
        Reach::Down("connection refused".into())
    }

    /// A container as far as its sources have told: runtime, uid from the path, API server.
    fn container(runtime: bool, uid: bool, cluster: bool) -> Container {
        Container {
            details: runtime.then(ContainerDetails::default),
            pod: uid.then(|| Pod {
                uid: Some("u".into()),
                name: (runtime || cluster).then(|| "web".into()),
                cluster: cluster.then(PodObject::default),
                ..Pod::default()
            }),
            ..Container::default()
        }
    }

    #[test]
    fn every_combination_has_a_reason() {
        use Resolution as R;
        #[rustfmt::skip]
        let table = [
            // runtime, cluster, container, denied, resolution, open
            (Reach::Off, Reach::Off, container(false, false, false), false, R::NotAPod, false),
            (Reach::Off, Reach::Off, container(false, true, false), false, R::ContainerOnly, false),
            (Reach::Off, Reach::Up, container(false, true, false), false, R::ApiUnknownPod, true),
            (Reach::Off, Reach::Up, container(false, true, true), false, R::NoRuntime, false),
            (Reach::Off, down(), container(false, true, false), false, R::ApiUnreachable, false),
            (Reach::Starting, Reach::Off, container(false, true, false), false, R::NoRuntimeAnswer, true),
            (Reach::Up, Reach::Off, container(false, true, false), false, R::NoRuntimeAnswer, true),
            (Reach::Up, Reach::Off, container(false, false, false), true, R::NoSuchContainer, true),
            (down(), Reach::Up, container(false, true, true), true, R::RuntimeUnreachable, true),
            (down(), Reach::Off, container(true, true, false), false, R::Complete, false),
            (Reach::Up, Reach::Off, container(true, true, false), false, R::Complete, false),
            (Reach::Up, Reach::Off, container(true, false, false), false, R::NotAPod, false),
            (Reach::Up, Reach::Starting, container(true, true, false), false, R::ApiUnreachable, true),
            (Reach::Up, Reach::Up, container(true, true, false), false, R::ApiUnknownPod, true),
            (Reach::Up, down(), container(true, true, false), false, R::ApiUnreachable, false),
            (Reach::Up, down(), container(true, true, true), false, R::Complete, false),
        ];
        for (runtime, cluster, container, denied, resolution, is_open) in table {
            let sources = Sources { runtime, cluster };
            let expected = Standing {
                resolution,
                is_open,
            };
            assert_eq!(
                sources.standing(&container, denied),
                expected,
                "{sources:?} {container:?}"
            );
        }
    }

    #[test]
    fn who_is_away_is_told() {
        let sources = Sources {
            runtime: down(),
            cluster: Reach::Starting,
        };
        assert_eq!(
            sources.why(Resolution::RuntimeUnreachable),
            Some("connection refused")
        );
        assert_eq!(
            sources.why(Resolution::ApiUnreachable),
            Some("it has not answered yet")
        );
        assert_eq!(sources.why(Resolution::Complete), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = Resolution::ALL.iter().map(|r| r.name()).collect();
        for (index, resolution) in Resolution::ALL.iter().enumerate() {
            assert_eq!(*resolution as usize, index);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Resolution::ALL.len());
    }
}
