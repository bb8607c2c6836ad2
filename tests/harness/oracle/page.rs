//! One page of the kernel's trace buffer, as `events/header_page` and `events/header_event` describe it.

use anyhow::{Context as _, Result, bail};

/// A page's size, unless `buffer_subbuf_size_kb` was changed.
pub const SIZE: usize = 4096;

/// The header's size, bytes: the first event's time (8), the length of the data and two flags (8).
const HEADER: usize = 16;

/// Calls `event` with each event's time and bytes.
pub fn for_each(page: &[u8], mut event: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
    let mut mono_ns = u64::from_ne_bytes(array(page, 0)?);
    let commit = u64::from_ne_bytes(array(page, 8)?);
    // Bits 30 and 31 say that events before this page are missing. The file `stats` reports that as well.
    let end = HEADER + usize::try_from(commit & 0x3fff_ffff)?;
    let mut at = HEADER;
    while at < end {
        let word = u32::from_ne_bytes(array(page, at)?);
        let (kind, delta) = (word & 31, u64::from(word >> 5));
        at += 4;
        match kind {
            // Padding: with a delta of 0 it fills the page, otherwise it is a discarded event whose length follows.
            29 if delta == 0 => break,
            29 => {
                mono_ns += delta;
                at += usize::try_from(u32::from_ne_bytes(array(page, at)?))?;
            }
            // A delta of more than 27 bits. The next word has its upper bits.
            30 => {
                mono_ns += delta + (u64::from(u32::from_ne_bytes(array(page, at)?)) << 27);
                at += 4;
            }
            // An absolute timestamp: its lower 59 bits.
            31 => {
                let stamp = delta + (u64::from(u32::from_ne_bytes(array(page, at)?)) << 27);
                mono_ns = (mono_ns & (0x1f << 59)) | stamp;
                at += 4;
            }
            // A length of 0: the next word has the length, which includes that word.
            0 => bail!("a transition's record is longer than 112 bytes: the event's format has changed"),
            words => {
                mono_ns += delta;
                let length = usize::try_from(words)? * 4;
                event(mono_ns, page.get(at..at + length).context("an event beyond its page")?)?;
                at += length;
            }
        }
    }
    Ok(())
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let slice = bytes.get(at..at + N).context("a trace page that is too short")?;
    Ok(slice.try_into()?)
}
