//! The words that the kernel side and user space share, and what of the kernel side can be tried on the host; the
//! programs themselves are in `main.rs`.
#![no_std]

pub mod notes;
pub mod wire;
pub mod word;
