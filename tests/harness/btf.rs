//! A BTF that lies about one field: what is made by it, the kernel's verifier refuses.

use std::fs;

use anyhow::{Context as _, Result, ensure};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Kinds of types (Documentation/bpf/btf.rst): an int, array, enum, … and what follows each's head, bytes.
const STRUCT: u32 = 4;
const MEMBER_BYTES: usize = 12;

/// The running kernel's BTF, but the field stands four bytes later than it does.
pub fn with_field_moved(structure: &str, field: &str) -> Result<Vec<u8>> {
    let mut btf = fs::read(VMLINUX).context(VMLINUX)?;
    let header = word(&btf, 4)? as usize;
    let (types, length) = (header + word(&btf, 8)? as usize, word(&btf, 12)? as usize);
    let strings = header + word(&btf, 16)? as usize;
    let mut at = types;
    while at < types + length {
        let info = word(&btf, at + 4)?;
        let (kind, members) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
        if kind == STRUCT && name(&btf, strings, at)? == structure.as_bytes() {
            for member in (0..members).map(|number| at + 12 + number * MEMBER_BYTES) {
                if name(&btf, strings, member)? == field.as_bytes() {
                    let moved = word(&btf, member + 8)? + 4 * 8;
                    btf[member + 8..member + 12].copy_from_slice(&moved.to_ne_bytes());
                    return Ok(btf);
                }
            }
        }
        at += 12 + following(kind, members)?;
    }
    anyhow::bail!("there is no {field} in a struct {structure}")
}

/// How many bytes follow the 12 of a type's head.
fn following(kind: u32, members: usize) -> Result<usize> {
    ensure!((1..=19).contains(&kind), "a BTF type of the unknown kind {kind}");
    Ok(match kind {
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => members * 12,
        6 | 13 => members * 8,
        _ => 0,
    })
}

fn name(btf: &[u8], strings: usize, at: usize) -> Result<&[u8]> {
    let text = btf.get(strings + word(btf, at)? as usize..).context("a name beyond the BTF")?;
    text.split(|byte| *byte == 0).next().context("no name")
}

fn word(btf: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from_ne_bytes(btf.get(at..at + 4).context("BTF that ends early")?.try_into()?))
}
