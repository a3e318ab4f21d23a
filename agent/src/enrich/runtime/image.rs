//! Names of images, as in `docker.io/library/busybox:1.35@sha256:…`.

use super::text::bounded;
use crate::event::ContainerDetails;

/// Parts of a name: the grammar of `reference` in distribution (`[HOST[:PORT]/]PATH[:TAG][@DIGEST]`), without its checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) repository: &'a str,
    /// Empty where there is none.
    pub(super) tag: &'a str,
    /// Empty where there is none.
    pub(super) digest: &'a str,
}

/// Takes a name apart. Total: any text has parts.
pub(super) fn parse(name: &str) -> Name<'_> {
    let (rest, digest) = name.split_once('@').unwrap_or((name, ""));
    // A colon before the last slash is that of a port.
    let last = rest.rfind('/').map_or(0, |at| at + 1);
    let colon = rest.get(last..).and_then(|text| text.find(':'));
    let (repository, tag) = match colon {
        Some(at) => rest.split_at(last + at),
        None => (rest, ""),
    };
    Name {
        repository,
        tag: tag.strip_prefix(':').unwrap_or(tag),
        digest,
    }
}

/// The digits of what is no name but an id: `sha256:DIGITS`, or 64 digits alone.
pub(super) fn id(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let hex = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then_some(digits)
}

/// What a runtime tells of an image, in the order of trust.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    /// Texts of which the first that is a name counts. A kubelet passes the id instead of the name.
    pub(super) names: &'a [&'a str],
    /// `REPOSITORY@DIGEST`, or an id alone for an image that came from no registry.
    pub(super) reference: &'a str,
    /// Texts of which the first that is an id counts.
    pub(super) ids: &'a [&'a str],
}

impl Told<'_> {
    /// Fills in the image. Where the runtime has nothing but the image's id to refer to it, that stands for the digest
    /// too, as in Falco.
    pub(super) fn describe(&self, details: &mut ContainerDetails) {
        let pulled = parse(self.reference);
        let pulled_name = if id(self.reference).is_some() {
            ""
        } else {
            self.reference
        };
        let is_name = |text: &&str| !text.is_empty() && id(text).is_none();
        let given = self.names.iter().copied().chain([pulled_name]);
        let name = given.clone().find(is_name).unwrap_or_default();
        let parts = parse(name);
        let ids = self.ids.iter().copied().chain([self.reference]);
        details.image = bounded(name);
        details.image_repository = bounded(parts.repository);
        details.image_tag = bounded(parts.tag);
        details.image_id = bounded(ids.clone().find_map(id).unwrap_or_default());
        let digests = [pulled.digest, parts.digest];
        details.image_digest = match digests.into_iter().find(|digest| !digest.is_empty()) {
            Some(digest) => bounded(digest),
            None => {
                id(self.reference).map_or_else(Box::default, |id| format!("sha256:{id}").into())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn parts(name: &str) -> (&str, &str, &str) {
        let name = parse(name);
        (name.repository, name.tag, name.digest)
    }

    #[test]
    fn names() {
        assert_eq!(parts("busybox"), ("busybox", "", ""));
        assert_eq!(parts("a.io/b/c:1.2"), ("a.io/b/c", "1.2", ""));
        assert_eq!(parts("localhost:5000/a"), ("localhost:5000/a", "", ""));
        assert_eq!(
            parts("h:5000/a/b:t@sha256:00"),
            ("h:5000/a/b", "t", "sha256:00")
        );
        assert_eq!(parts("a@sha256:00"), ("a", "", "sha256:00"));
        assert_eq!(parts(""), ("", "", ""));
        assert_eq!(parts("/:@"), ("/", "", ""));
    }

    fn described(told: Told<'_>) -> [Box<str>; 5] {
        let mut details = ContainerDetails::default();
        told.describe(&mut details);
        let ContainerDetails {
            image,
            image_repository,
            image_tag,
            image_digest,
            image_id,
            ..
        } = details;
        [image, image_repository, image_tag, image_digest, image_id]
    }

    /// As a kubelet has it made: the name is elsewhere, and the tag is not what follows `sha256:`.
    #[test]
    fn an_id_is_no_name() {
        let id = format!("sha256:{ID}");
        let told = Told {
            names: &[&id, "docker.io/library/busybox:1.35"],
            reference: "docker.io/library/busybox@sha256:11",
            ids: &[&id],
        };
        let expected = [
            "docker.io/library/busybox:1.35",
            "docker.io/library/busybox",
            "1.35",
            "sha256:11",
            ID,
        ];
        assert_eq!(described(told), expected.map(Box::from));
    }

    #[test]
    fn imported_and_unnamed() {
        let id = format!("sha256:{ID}");
        let imported = Told {
            names: &["lab/a:1"],
            reference: &id,
            ids: &[],
        };
        assert_eq!(
            described(imported),
            ["lab/a:1", "lab/a", "1", &id, ID].map(Box::from)
        );
        let by_digest = Told {
            names: &["", &id],
            reference: "q.io/a@sha256:22",
            ids: &[],
        };
        let expected = ["q.io/a@sha256:22", "q.io/a", "", "sha256:22", ""];
        assert_eq!(described(by_digest), expected.map(Box::from));
    }

    proptest! {
        #[test]
        fn parts_make_the_name_again(
            host in "([a-z.]{1,9}(:[0-9]{1,5})?/)?", path in "[a-z]{1,9}(/[a-z0-9_-]{1,9}){0,3}",
            tag in "([a-zA-Z0-9._-]{1,9})?", digest in "(sha256:[0-9a-f]{8})?",
        ) {
            let repository = format!("{host}{path}");
            let mut name = repository.clone();
            if !tag.is_empty() { name = format!("{name}:{tag}"); }
            if !digest.is_empty() { name = format!("{name}@{digest}"); }
            prop_assert_eq!(parts(&name), (&*repository, &*tag, &*digest));
        }

        #[test]
        fn any_text_has_parts(name in ".*") {
            let (repository, tag, digest) = parts(&name);
            prop_assert!(repository.len() + tag.len() + digest.len() <= name.len());
        }
    }
}
