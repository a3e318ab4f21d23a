//! Calls of a kernel function in the object, which aya's loader does not know how to write.

use komainu_common::settings::CAST;
use object::{LittleEndian, Object as _, ObjectSection as _, SectionKind, read::elf::ElfFile64};
use zerocopy::IntoBytes as _;

/// Bytes of an instruction (`struct bpf_insn`, `include/uapi/linux/bpf.h`).
const INSTRUCTION: usize = 8;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// `BPF_PSEUDO_KFUNC_CALL`, in the place of the source register: the immediate is a function's number in BTF.
const OF_KERNEL: u8 = 2 << 4;

/// An object that the loader can parse: aligned as its headers want it.
pub(super) struct Patched {
    words: Vec<u64>,
    len: usize,
}

impl Patched {
    pub(super) fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.len).unwrap_or_default()
    }
}

/// The object with calls of the kernel's `function` where [`CAST`] stands for them. As it is where it cannot be
/// parsed: the loader will say why.
pub(super) fn with_cast(object: &[u8], function: u32) -> Patched {
    let mut words = vec![0_u64; object.len().div_ceil(size_of::<u64>())];
    let bytes = words.as_mut_bytes();
    if let Some(copy) = bytes.get_mut(..object.len()) {
        copy.copy_from_slice(object);
    }
    for range in code(object) {
        let section = bytes.get_mut(range).unwrap_or_default();
        for instruction in section.chunks_exact_mut(INSTRUCTION) {
            if let [CALL, registers @ 0, 0, 0, rest @ ..] = instruction
                && rest == CAST.to_le_bytes()
            {
                *registers = OF_KERNEL;
                rest.copy_from_slice(&function.to_le_bytes());
            }
        }
    }
    Patched {
        words,
        len: object.len(),
    }
}

/// Where programs are.
fn code(object: &[u8]) -> Vec<std::ops::Range<usize>> {
    let Ok(file) = ElfFile64::<LittleEndian>::parse(object) else {
        return Vec::new();
    };
    let sections = file.sections();
    let code = sections.filter(|section| section.kind() == SectionKind::Text);
    let ranges = code.filter_map(|section| {
        let (start, len) = section.file_range()?;
        let start = usize::try_from(start).ok()?;
        Some(start..start.checked_add(usize::try_from(len).ok()?)?)
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::super::OBJECT;
    use super::*;

    fn calls(object: &[u8], registers: u8, immediate: [u8; 4]) -> usize {
        let of_section = |range: std::ops::Range<usize>| {
            let instructions = object[range].chunks_exact(INSTRUCTION);
            instructions
                .filter(|i| i[..4] == [CALL, registers, 0, 0] && i[4..] == immediate)
                .count()
        };
        code(object).into_iter().map(of_section).sum()
    }

    #[test]
    fn every_call_is_written_and_nothing_else_changes() {
        let marked = calls(OBJECT, 0, CAST.to_le_bytes());
        assert!(marked > 100, "{marked}");
        let patched = with_cast(OBJECT, 77);
        assert_eq!(patched.bytes().len(), OBJECT.len());
        assert_eq!(calls(patched.bytes(), 0, CAST.to_le_bytes()), 0);
        assert_eq!(
            calls(patched.bytes(), OF_KERNEL, 77_u32.to_le_bytes()),
            marked
        );
        let changed = patched.bytes().iter().zip(OBJECT).filter(|(a, b)| a != b);
        assert!(changed.count() <= marked * 5);
    }

    #[test]
    fn what_is_no_object_stays_as_it_is() {
        for bytes in [&b""[..], b"abc", &[0x85; 1001]] {
            assert_eq!(with_cast(bytes, 1).bytes(), bytes);
        }
    }
}
