//! Kernel struct offsets from the running kernel's BTF.

use std::{fs, io};

use komainu_common::{
    KernelOffsets,
    offsets::{ABSENT, OffsetSpec},
    settings::CAST_WORDS,
};

use super::btf::{Btf, Malformed};

/// Where the kernel exports its own type information (`CONFIG_DEBUG_INFO_BTF`).
pub(super) const VMLINUX_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Why offsets could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The file is missing or unreadable.
    #[error("cannot read {VMLINUX_BTF} (a kernel with CONFIG_DEBUG_INFO_BTF is needed)")]
    Read(#[source] io::Error),
    /// Not BTF, or damaged.
    #[error("{VMLINUX_BTF} is not valid BTF")]
    Malformed(#[from] Malformed),
    /// Members without which no program can work.
    #[error("this kernel's BTF lacks {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// Two members that the kernel half reads in one go are not neighbours.
    #[error("struct dentry of this kernel does not have d_name right behind d_parent")]
    DentryLayout,
}

/// Numbers, in the kernel's BTF, of what programs need to read its memory by plain loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    /// The function `bpf_rdonly_cast`.
    pub(super) function: u32,
    /// A struct of words.
    pub(super) words: u32,
}

/// Types of a kernel.
#[derive(Debug)]
pub struct KernelTypes(Btf);

impl KernelTypes {
    /// Reads the running kernel's types.
    pub fn of_running_kernel() -> Result<Self, BtfError> {
        let bytes = fs::read(VMLINUX_BTF).map_err(BtfError::Read)?;
        Ok(Self(Btf::parse(bytes)?))
    }

    /// Every offset the kernel half reads.
    pub fn offsets(&self) -> Result<KernelOffsets, BtfError> {
        let mut missing = Vec::new();
        let offsets = KernelOffsets::from_fn(|spec| {
            let offset = self.resolve(spec);
            if offset.is_none() && spec.required {
                missing.push(spec.name);
            }
            Ok::<u32, BtfError>(offset.unwrap_or(ABSENT))
        })?;
        if !missing.is_empty() {
            return Err(BtfError::Missing(missing));
        }
        let neighbours = offsets.dentry_name == offsets.dentry_parent + 8
            && offsets.qstr_len == 4
            && offsets.qstr_name == 8;
        if neighbours {
            Ok(offsets)
        } else {
            Err(BtfError::DentryLayout)
        }
    }

    /// Names of optional members this kernel does not have.
    pub fn absent(&self) -> Vec<&'static str> {
        KernelOffsets::TABLE
            .iter()
            .filter(|spec| self.resolve(spec).is_none())
            .map(|spec| spec.name)
            .collect()
    }

    /// The kernel's number of a cgroup controller.
    pub fn cgroup_subsys(&self, controller: &str) -> Option<u32> {
        self.0
            .enumerator("cgroup_subsys_id", &format!("{controller}_cgrp_id"))
    }

    /// Whether programs get typed pointers to the current task and its registers (5.15).
    pub fn has_typed_task(&self) -> bool {
        let helpers = ["BPF_FUNC_get_current_task_btf", "BPF_FUNC_task_pt_regs"];
        helpers
            .iter()
            .all(|helper| self.0.enumerator("bpf_func_id", helper).is_some())
    }

    /// How programs of this kernel read any of its memory by plain loads; `None` where it does not let them (6.2).
    pub(super) fn cast(&self) -> Option<Cast> {
        let function = self.0.function_id("bpf_rdonly_cast")?;
        // Integers of eight bytes from the first on: on arm64, on x86.
        let words = ["user_pt_regs", "pt_regs"].into_iter().find_map(|name| {
            let size = self.0.size_of(name)? as usize;
            self.0.struct_id(name).filter(|_| size >= 8 * CAST_WORDS)
        })?;
        Some(Cast { function, words })
    }

    fn resolve(&self, spec: &OffsetSpec) -> Option<u32> {
        spec.alternatives.iter().find_map(|&(strct, path)| {
            if path.is_empty() {
                self.0.size_of(strct)
            } else {
                self.0.offset_of(strct, path)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_every_required_offset_of_this_kernel() {
        let types = match KernelTypes::of_running_kernel() {
            Err(BtfError::Read(error)) => {
                println!("left out: no kernel BTF here ({error})");
                return;
            }
            other => other.unwrap(),
        };
        let offsets = types.offsets().unwrap();
        // ABI of sorts: comm is 16 bytes somewhere inside, path is mnt then dentry.
        assert_eq!((offsets.path_mnt, offsets.path_dentry), (0, 8));
        assert_eq!(offsets.upid_size, 16);
        assert_ne!(offsets.task_comm, ABSENT);
    }
}
