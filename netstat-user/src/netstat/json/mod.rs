//! JSON Lines: what the tables show, with numbers as numbers and null for what is not known.

mod sockets;

use serde::Serialize;

pub use sockets::sockets;

/// Each value as an object on a line of its own.
pub fn lines<T: Serialize>(values: impl Iterator<Item = T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        // A Vec takes everything, and no value has a key that is no text.
        let _ = serde_json::to_writer(&mut bytes, &value);
        bytes.push(b'\n');
    }
    bytes
}
