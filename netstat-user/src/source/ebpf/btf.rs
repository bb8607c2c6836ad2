//! Reads field offsets out of the kernel's BTF (Documentation/bpf/btf.rst), and what programs can be attached to.

use std::{collections::HashMap, fs, io};

use super::attach_types;

/// Where the running kernel shows its own BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNC: u32 = 12;

/// The type information of a kernel, indexed as far as this program asks.
pub struct Btf {
    bytes: Vec<u8>,
    strings: usize,
    /// Byte offset of each type, by id; id 0 is void.
    types: Vec<u32>,
    /// Ids of the structs by name.
    structs: HashMap<Box<[u8]>, u32>,
    /// Ids of the functions and tracepoints' types that programs are attached to.
    attachable: HashMap<&'static str, u32>,
}

impl Btf {
    /// The running kernel's BTF.
    ///
    /// # Errors
    /// The file can't be read (no CONFIG_DEBUG_INFO_BTF, hidden, no permission) or is no BTF.
    pub fn of_this_kernel() -> io::Result<Self> {
        Self::parse(fs::read(VMLINUX)?)
    }

    /// Indexes raw BTF of this machine's byte order.
    ///
    /// # Errors
    /// `InvalidData` if a length or a kind makes no sense.
    pub fn parse(bytes: Vec<u8>) -> io::Result<Self> {
        Self::index(bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not the BTF of a kernel"))
    }

    fn index(bytes: Vec<u8>) -> Option<Self> {
        if u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header = word(&bytes, 4)? as usize;
        let mut at = header + word(&bytes, 8)? as usize;
        let end = at + word(&bytes, 12)? as usize;
        let strings = header + word(&bytes, 16)? as usize;
        let mut btf =
            Self { bytes, strings, types: vec![0], structs: HashMap::new(), attachable: HashMap::new() };
        while at < end {
            let info = word(&btf.bytes, at + 4)?;
            let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            if kind == KIND_STRUCT && members > 0 {
                let name = btf.string(word(&btf.bytes, at)?)?;
                if !name.is_empty() {
                    let name = name.into();
                    btf.structs.entry(name).or_insert(btf.types.len() as u32);
                }
            }
            if matches!(kind, KIND_FUNC | KIND_TYPEDEF)
                && let Some(name) = attach_types::known(kind == KIND_FUNC, btf.string(word(&btf.bytes, at)?)?)
            {
                btf.attachable.insert(name, btf.types.len() as u32);
            }
            btf.types.push(at as u32);
            at += 12 + trailing_bytes(kind, members)?;
        }
        Some(btf)
    }

    /// Offset in bytes of a field within a struct; `path` may go through members (`ns.inum`), and the
    /// anonymous structs and unions on the way need no name. None if there is no such field.
    pub fn offset(&self, name: &str, path: &str) -> Option<u32> {
        let mut id = *self.structs.get(name.as_bytes())?;
        let mut bits = 0;
        for field in path.split('.') {
            let (offset, member) = self.member(id, field.as_bytes())?;
            bits += offset;
            id = member;
        }
        Some(bits / 8)
    }

    /// The ids of [`attach_types::known`] names that the kernel has, for functions and for tracepoints' types.
    pub fn attachable(&self) -> &HashMap<&'static str, u32> {
        &self.attachable
    }

    /// How many arguments a function has that programs are attached to; None if the kernel has no such function.
    pub fn arguments(&self, function: &str) -> Option<u32> {
        let at = *self.types.get(*self.attachable.get(function)? as usize)? as usize;
        let prototype = *self.types.get(word(&self.bytes, at + 8)? as usize)?;
        Some(word(&self.bytes, prototype as usize + 4)? & 0xffff)
    }

    /// Offset in bits and type of a member, looked for through anonymous members too.
    fn member(&self, id: u32, field: &[u8]) -> Option<(u32, u32)> {
        let at = self.behind_names(id)?;
        let info = word(&self.bytes, at + 4)?;
        if !matches!(info >> 24 & 0x1f, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        let with_bitfields = info >> 31 == 1;
        for index in 0..(info & 0xffff) as usize {
            let member = at + 12 + 12 * index;
            let (name, type_id, offset) =
                (word(&self.bytes, member)?, word(&self.bytes, member + 4)?, word(&self.bytes, member + 8)?);
            let offset = if with_bitfields { offset & 0xff_ffff } else { offset };
            if name == 0 {
                if let Some((inner, found)) = self.member(type_id, field) {
                    return Some((offset + inner, found));
                }
            } else if self.string(name)? == field {
                return Some((offset, type_id));
            }
        }
        None
    }

    /// Where the type stands that an id means behind typedefs and qualifiers.
    fn behind_names(&self, mut id: u32) -> Option<usize> {
        const LONGEST_CHAIN: usize = 32;
        for _ in 0..LONGEST_CHAIN {
            let at = *self.types.get(id as usize)? as usize;
            match word(&self.bytes, at + 4)? >> 24 & 0x1f {
                8..=11 | 18 => id = word(&self.bytes, at + 8)?, // TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG
                _ => return Some(at),
            }
        }
        None
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        self.bytes.get(self.strings + offset as usize..)?.split(|byte| *byte == 0).next()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// How many bytes follow a type's 12, by kind (include/uapi/linux/btf.h, 6.18).
fn trailing_bytes(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        1 | 14 | 17 => 4,                                   // INT, VAR, DECL_TAG
        2 | 7 | 8 | 9 | 10 | 11 | 12 | 16 | 18 => 0, // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        3 => 12,                                     // ARRAY
        KIND_STRUCT | KIND_UNION | 15 | 19 => 12 * members, // and DATASEC, ENUM64
        6 | 13 => 8 * members,                       // ENUM, FUNC_PROTO
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_that_no_kernel_has_moved_are_found() {
        let Ok(btf) = Btf::of_this_kernel() else { return };
        // Include/net/sock.h: the head of sock_common is what every lookup touches, and has not moved.
        for (path, offset) in [("skc_daddr", 0), ("skc_rcv_saddr", 4), ("skc_dport", 12), ("skc_num", 14)] {
            assert_eq!(btf.offset("sock_common", path), Some(offset), "{path}");
        }
        assert_eq!(btf.offset("sock", "__sk_common.skc_family"), Some(16));
        assert_eq!(btf.offset("sock_common", "skc_net.net"), Some(48));
        assert!(btf.offset("net", "ns.inum").is_some());
        assert_eq!(btf.arguments("tcp_connect"), Some(1));
        assert_eq!(btf.arguments("no_such_function"), None);
        assert_eq!(btf.offset("sock", "no_such_field"), None);
        assert_eq!(btf.offset("no_such_struct", "field"), None);
    }

    #[test]
    fn bytes_that_are_no_btf_are_an_error() {
        assert!(Btf::parse(Vec::new()).is_err());
        assert!(Btf::parse(vec![0; 64]).is_err());
        let mut torn = 0xeb9f_u16.to_ne_bytes().to_vec();
        torn.extend([1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
        assert!(Btf::parse(torn).is_err());
    }
}
