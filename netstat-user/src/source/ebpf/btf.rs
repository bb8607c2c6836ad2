//! Parses the kernel's BTF (Documentation/bpf/btf.rst): offsets and sizes of fields, and the types that programs are attached to.

use std::{borrow::Cow, collections::HashMap, fs, io, ops::Range};

use super::hooks::{self, Hook};

/// The file in which the running kernel shows its own BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
/// A forward declaration (include/uapi/linux/btf.h).
pub const KIND_FWD: u32 = 7;
/// A typedef; the type of a tracepoint is one.
pub const KIND_TYPEDEF: u32 = 8;
/// A function.
pub const KIND_FUNC: u32 = 12;

/// No type refers to another over more typedefs, qualifiers or arrays.
const LONGEST_CHAIN: usize = 32;
/// No struct has more members, with those of its anonymous members: some hundred are usual.
const MOST_MEMBERS: u32 = 4096;
/// No anonymous member is within more others.
const DEEPEST_NESTING: u32 = 32;

/// The type information of a kernel, with an index of what this program looks up.
pub struct Btf {
    bytes: Vec<u8>,
    /// Byte offsets of the strings.
    strings: Range<usize>,
    /// Byte offset of each type, by id; id 0 is void.
    types: Vec<u32>,
    /// Ids of the structs by name.
    structs: HashMap<Box<[u8]>, u32>,
    /// The types of the hooks' targets that this kernel has.
    attachable: Vec<Attachable>,
}

/// A field of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Offset within the struct, bytes.
    pub offset: u32,
    /// Size, bytes.
    pub bytes: u32,
}

/// A type that a program can be attached to.
#[derive(Debug)]
pub struct Attachable {
    /// The name of the type: a function's, an iterator's or a tracepoint's.
    pub name: Cow<'static, str>,
    /// Whether it is a function and not a typedef.
    pub is_function: bool,
    /// Its id in the BTF.
    pub id: u32,
}

impl Btf {
    /// The running kernel's BTF.
    ///
    /// # Errors
    /// The file can't be read (no CONFIG_DEBUG_INFO_BTF, hidden, no permission) or is no BTF.
    pub fn of_this_kernel() -> io::Result<Self> {
        Self::parse(fs::read(VMLINUX)?)
    }

    /// Parses raw BTF of this machine's byte order.
    ///
    /// # Errors
    /// `InvalidData` if a length or a kind is not valid.
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
        let strings_at = header + word(&bytes, 16)? as usize;
        let strings = strings_at..strings_at + word(&bytes, 20)? as usize;
        bytes.get(strings.clone())?;
        let mut btf =
            Self { bytes, strings, types: vec![0], structs: HashMap::new(), attachable: Vec::new() };
        let mut wanted: Vec<(bool, Cow<'static, str>)> = hooks::all().filter_map(Hook::btf_type).collect();
        wanted.sort();
        wanted.dedup();
        while at < end {
            let info = word(&btf.bytes, at + 4)?;
            let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let id = btf.types.len() as u32;
            let name_offset = word(&btf.bytes, at)?;
            if name_offset as usize >= btf.strings.len() {
                return None;
            }
            if kind == KIND_STRUCT && members > 0 {
                let name = btf.string(name_offset)?;
                if !name.is_empty() {
                    let name = name.into();
                    btf.structs.entry(name).or_insert(id);
                }
            }
            if matches!(kind, KIND_FUNC | KIND_TYPEDEF) {
                let is_function = kind == KIND_FUNC;
                let name = btf.string(name_offset)?;
                let is_wanted = |(function, wanted): &&(bool, Cow<'_, str>)| {
                    wanted.as_bytes() == name && *function == is_function
                };
                if let Some((_, name)) = wanted.iter().find(is_wanted) {
                    btf.attachable.push(Attachable { name: name.clone(), is_function, id });
                }
            }
            btf.types.push(at as u32);
            at += 12 + trailing_bytes(kind, members)?;
        }
        (at == end).then_some(btf)
    }

    /// A field of a struct. `path` may lead through members (`ns.inum`); the anonymous structs and unions on the way have
    /// no name in it. None if there is no such field, or if it is a bitfield.
    pub fn field(&self, name: &str, path: &str) -> Option<Field> {
        let mut id = *self.structs.get(name.as_bytes())?;
        let mut bits: u32 = 0;
        for field in path.split('.') {
            let mut unvisited = MOST_MEMBERS;
            let (offset, member) = self.member(id, field.as_bytes(), DEEPEST_NESTING, &mut unvisited)?;
            bits = bits.checked_add(offset)?;
            id = member;
        }
        bits.is_multiple_of(8).then_some(Field { offset: bits / 8, bytes: self.size(id)? })
    }

    /// The size of a type, bytes.
    fn size(&self, mut id: u32) -> Option<u32> {
        let mut elements: u32 = 1;
        for _ in 0..LONGEST_CHAIN {
            let at = self.unqualified(id)?;
            match word(&self.bytes, at + 4)? >> 24 & 0x1f {
                KIND_PTR => return elements.checked_mul(8),
                KIND_ARRAY => {
                    id = word(&self.bytes, at + 12)?;
                    elements = elements.checked_mul(word(&self.bytes, at + 20)?)?;
                }
                // INT, STRUCT, UNION, ENUM, FLOAT, ENUM64
                1 | KIND_STRUCT | KIND_UNION | KIND_ENUM | 16 | 19 => {
                    return elements.checked_mul(word(&self.bytes, at + 8)?);
                }
                _ => return None,
            }
        }
        None
    }

    /// The types of the hooks' targets that this kernel has, in the order of their ids.
    pub fn attachable(&self) -> impl Iterator<Item = &Attachable> {
        self.attachable.iter()
    }

    /// Whether this kernel has what the hook's program is attached to.
    pub fn has_target(&self, hook: &Hook) -> bool {
        hook.btf_type().is_none_or(|(is_function, name)| self.find(is_function, &name).is_some())
    }

    /// How many arguments the function has that a hook is attached to; None if the kernel has no such function.
    pub fn arguments(&self, function: &str) -> Option<u32> {
        let at = *self.types.get(self.find(true, function)?.id as usize)? as usize;
        let prototype = *self.types.get(word(&self.bytes, at + 8)? as usize)?;
        Some(word(&self.bytes, prototype as usize + 4)? & 0xffff)
    }

    /// How many arguments a tracepoint has that a hook is attached to; None if the kernel has no such tracepoint.
    pub fn tracepoint_arguments(&self, tracepoint: &str) -> Option<u32> {
        // The type is a pointer to a function whose first argument is the tracepoint's own data.
        let typedef = self.find(false, &format!("btf_trace_{tracepoint}"))?.id;
        let pointer = self.unqualified(typedef)?;
        let prototype = self.unqualified(word(&self.bytes, pointer + 8)?)?;
        (word(&self.bytes, prototype + 4)? & 0xffff).checked_sub(1)
    }

    /// The values and names of an enum, in its order; empty if the kernel has none of that name.
    pub fn enumerators(&self, name: &str) -> Vec<(u32, String)> {
        let is_wanted = |at: usize| {
            let info = word(&self.bytes, at + 4)?;
            let is_enum = info >> 24 & 0x1f == KIND_ENUM && info & 0xffff > 0;
            (is_enum && self.string(word(&self.bytes, at)?)? == name.as_bytes())
                .then_some((info & 0xffff) as usize)
        };
        let mut types = self.types.iter().skip(1).map(|at| *at as usize);
        let Some((at, count)) = types.find_map(|at| Some((at, is_wanted(at)?))) else { return Vec::new() };
        let enumerator = |index| {
            let member = at + 12 + 8 * index;
            let name = self.string(word(&self.bytes, member)?)?;
            Some((word(&self.bytes, member + 4)?, String::from_utf8_lossy(name).into_owned()))
        };
        (0..count).filter_map(enumerator).collect()
    }

    fn find(&self, is_function: bool, name: &str) -> Option<&Attachable> {
        self.attachable.iter().find(|type_| type_.is_function == is_function && type_.name == name)
    }

    /// Offset in bits and type of a member; members of anonymous members count too. In malformed BTF a struct may contain
    /// itself: `levels` is how many more may be nested here, `unvisited` how many members may still be compared.
    fn member(&self, id: u32, field: &[u8], levels: u32, unvisited: &mut u32) -> Option<(u32, u32)> {
        let levels = levels.checked_sub(1)?;
        let at = self.unqualified(id)?;
        let info = word(&self.bytes, at + 4)?;
        if !matches!(info >> 24 & 0x1f, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        let with_bitfields = info >> 31 == 1;
        for index in 0..(info & 0xffff) as usize {
            *unvisited = unvisited.checked_sub(1)?;
            let member = at + 12 + 12 * index;
            let (name, type_id, offset) =
                (word(&self.bytes, member)?, word(&self.bytes, member + 4)?, word(&self.bytes, member + 8)?);
            // The upper byte is the size of a bitfield, 0 for other members.
            let (offset, is_bitfield) =
                if with_bitfields { (offset & 0xff_ffff, offset >> 24 != 0) } else { (offset, false) };
            if name == 0 {
                if let Some((inner, found)) = self.member(type_id, field, levels, unvisited) {
                    return Some((offset.checked_add(inner)?, found));
                }
            } else if self.string(name)? == field {
                return (!is_bitfield).then_some((offset, type_id));
            }
        }
        None
    }

    /// Byte offset of the type that an id refers to, without the typedefs and qualifiers on the way.
    fn unqualified(&self, mut id: u32) -> Option<usize> {
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
        self.bytes.get(self.strings.clone())?.get(offset as usize..)?.split(|byte| *byte == 0).next()
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
        KIND_ENUM | 13 => 8 * members,               // ENUM, FUNC_PROTO
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use netstat_tests::skip;

    use super::*;

    #[test]
    fn offsets_that_are_the_same_on_every_kernel_are_found() {
        let btf = Btf::of_this_kernel();
        if skip::without("a kernel with BTF", btf.is_ok()) {
            return;
        }
        let btf = btf.unwrap();
        let field = |offset, bytes| Some(Field { offset, bytes });
        // include/net/sock.h: the fields of sock_common that every lookup reads come first, on all kernels up to 6.18.
        for (path, offset, bytes) in
            [("skc_daddr", 0, 4), ("skc_rcv_saddr", 4, 4), ("skc_dport", 12, 2), ("skc_num", 14, 2)]
        {
            assert_eq!(btf.field("sock_common", path), field(offset, bytes), "{path}");
        }
        assert_eq!(btf.field("sock", "__sk_common.skc_family"), field(16, 2));
        assert_eq!(btf.field("sock_common", "skc_net.net"), field(48, 8));
        assert_eq!(btf.field("sock_common", "skc_v6_daddr").map(|field| field.bytes), Some(16));
        assert_eq!(btf.field("task_struct", "comm").map(|field| field.bytes), Some(16));
        assert_eq!(btf.field("net", "ns.inum").map(|field| field.bytes), Some(4));
        // include/net/sock.h: `unsigned char skc_reuse:4`.
        assert_eq!(btf.field("sock_common", "skc_reuse"), None);
        assert_eq!(btf.arguments("tcp_connect"), Some(1));
        assert_eq!(btf.arguments("no_such_function"), None);
        assert_eq!(btf.tracepoint_arguments("inet_sock_set_state"), Some(3));
        assert_eq!(btf.tracepoint_arguments("no_such_tracepoint"), None);
        // include/net/tcp_states.h: an enum without a name; enum sock_type in include/linux/net.h has one.
        assert_eq!(btf.enumerators("sock_type").first(), Some(&(1, "SOCK_STREAM".to_owned())));
        assert_eq!(btf.enumerators("no_such_enum"), []);
        assert_eq!(btf.field("sock", "no_such_field"), None);
        assert_eq!(btf.field("no_such_struct", "field"), None);
    }

    #[test]
    fn bytes_that_are_not_btf_are_an_error() {
        assert!(Btf::parse(Vec::new()).is_err());
        assert!(Btf::parse(vec![0; 64]).is_err());
        let mut torn = 0xeb9f_u16.to_ne_bytes().to_vec();
        torn.extend([1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
        assert!(Btf::parse(torn).is_err());
    }

    #[test]
    fn a_name_outside_of_the_strings_and_a_type_that_is_cut_off_are_an_error() {
        let parse = |name: u32, type_bytes: u32, string_bytes: u32| {
            let words = [0x0001_eb9f, 24, 0, type_bytes, 12, string_bytes, name, KIND_FWD << 24, 0];
            let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            bytes.extend(b"\0ab\0");
            Btf::parse(bytes).is_ok()
        };
        assert!(parse(1, 12, 4) && parse(3, 12, 4));
        assert!(
            !parse(4, 12, 4) && !parse(1, 12, 5) && !parse(3, 12, 3) && !parse(1, 8, 4) && !parse(1, 16, 4)
        );
    }

    /// BTF of one struct `s`, which has an anonymous member; and of an array. `id` is the type of both.
    fn nested(id: u32) -> Btf {
        let types = [
            [1, KIND_STRUCT << 24 | 1, 8].as_slice(),
            &[0, id, 0],
            &[0, KIND_ARRAY << 24, 0],
            &[id, id, 2],
            &[3, KIND_STRUCT << 24 | 1, 8],
            &[5, 2, 0],
        ]
        .concat();
        let length = 4 * types.len() as u32;
        let header = [0x0001_eb9f, 24, 0, length, length, 7];
        let mut bytes: Vec<u8> = header.iter().chain(&types).flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend(b"\0s\0t\0m\0");
        Btf::parse(bytes).unwrap()
    }

    #[test]
    fn a_type_that_contains_itself_has_neither_a_field_nor_a_size() {
        assert_eq!(nested(1).field("s", "m"), None);
        assert_eq!(nested(2).field("t", "m"), None);
        // Of a struct of 8 bytes there may be an array.
        assert_eq!(nested(3).field("t", "m"), Some(Field { offset: 0, bytes: 16 }));
    }
}
