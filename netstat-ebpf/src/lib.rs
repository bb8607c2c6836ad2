//! The words that the kernel side and user space share; the programs themselves are in `main.rs`.
#![no_std]

pub mod wire;
