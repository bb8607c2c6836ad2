//! A BTF with a wrong offset of one field: the verifier refuses programs that were relocated with it.

use std::fs;

use anyhow::{Context as _, Result, ensure};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// The kind of a struct (Documentation/bpf/btf.rst), and the size of each member that follows its header, bytes.
const STRUCT: u32 = 4;
const MEMBER_BYTES: usize = 12;

/// The running kernel's BTF, with the field's offset four bytes too large.
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

/// The number of bytes after a type's 12-byte header.
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
