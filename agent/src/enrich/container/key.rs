//! Container ids and pod UIDs as numbers: what maps are keyed by.

/// A full container id: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::enrich) struct ContainerKey([u128; 2]);

impl ContainerKey {
    /// `None` for what no cgroup path can name as a container.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (high, low) = (id.get(..32)?, id.get(32..)?);
        Some(Self([digits(high)?, digits(low)?]))
    }
}

/// UID of a pod: a UUID, with or without dashes. That of a static pod is a hash of as many digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PodKey(u128);

impl PodKey {
    /// `None` for a text that is no UID of the API server.
    pub(super) fn parse(uid: &str) -> Option<Self> {
        if uid.len() == 32 {
            return digits(uid).map(Self);
        }
        let mut parts = uid.split('-');
        let mut number = 0_u128;
        for length in [8, 4, 4, 4, 12] {
            let part = parts.next().filter(|part| part.len() == length)?;
            let bits = u32::try_from(length * 4).ok()?;
            number = number.checked_shl(bits)? | hexadecimal(part)?;
        }
        parts.next().is_none().then_some(Self(number))
    }
}

fn digits(text: &str) -> Option<u128> {
    (text.len() == 32).then(|| hexadecimal(text))?
}

/// Without the sign that the standard library allows.
fn hexadecimal(text: &str) -> Option<u128> {
    let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_64_digits() {
        let id = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
        let key = ContainerKey::parse(id).unwrap();
        assert_ne!(ContainerKey::parse(&id.replacen('e', "f", 1)), Some(key));
        assert_ne!(ContainerKey::parse(&id.replace("60", "61")), Some(key));
        for wrong in [
            "",
            "e1ba",
            id.get(1..).unwrap(),
            &format!("{id}0"),
            &id.replace('b', "x"),
        ] {
            assert_eq!(ContainerKey::parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            ContainerKey::parse(&format!("{}é", id.get(..62).unwrap())),
            None
        );
        assert_eq!(
            ContainerKey::parse(&format!("+{}", id.get(1..).unwrap())),
            None
        );
    }

    #[test]
    fn uids_with_and_without_dashes() {
        let uid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        assert_eq!(
            PodKey::parse(uid),
            Some(PodKey(0x0a1b_2c3d_4e5f_6071_8293_a4b5_c6d7_e8f9))
        );
        assert_eq!(PodKey::parse(&uid.replace('-', "")), PodKey::parse(uid));
        for wrong in [
            "",
            "x",
            uid.get(1..).unwrap(),
            &format!("{uid}-"),
            &uid.replace("4e5f", "+e5f"),
        ] {
            assert_eq!(PodKey::parse(wrong), None, "{wrong}");
        }
    }
}
