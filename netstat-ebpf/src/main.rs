//! The programs that run in the kernel, one file a hook.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(clippy::needless_pass_by_value, reason = "a program gets its context by value from aya's macros")]

mod at_work;
mod counters;
mod globals;
mod head;
mod inet_connection_sock;
mod inet_csk_accept;
mod inet_sock_set_state;
mod inet_sock_set_state_classic;
mod inet_timewait_sock;
mod iter_socket_file;
mod iter_task_file;
mod iter_tcp;
mod iterator;
mod kfree_skb;
mod left_out;
mod minisock;
mod record;
mod seen;
mod sock;
mod tcp_connect;
mod timer_cancel;
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
