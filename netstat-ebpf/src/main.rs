//! The programs that run in the kernel, one file a hook.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod cpu;
mod globals;
mod inet_sock_set_state;
mod inet_sock_set_state_classic;
mod left_out;
mod record;
mod sock;
mod timer_start;

/// The verifier and the helpers that we call ask for a licence that is compatible with the GPL.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never linked in: the verifier rejects a program that can come here.
    loop {}
}
