//! The programs that run in the kernel: one file for each hook, and what the hooks share.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(clippy::needless_pass_by_value, reason = "aya's macros pass the context by value")]

mod callers;
mod connecting_socket;
mod dedup;
mod file_system;
mod globals;
mod head;
mod inet_connection_sock;
mod inet_csk_accept;
mod inet_sk_error_report;
mod inet_sock_set_state;
mod inet_sock_set_state_classic;
mod inet_timewait_sock;
mod interface;
mod iter_socket_file;
mod iter_task_file;
mod iter_tcp;
mod iterator;
mod kernel_filter;
mod kfree_skb;
mod loss_counters;
mod memory;
mod minisock;
mod mptcp;
mod process;
mod record;
mod running;
mod skb;
mod sock;
mod task_rename;
mod tcp_connect;
mod tcp_retransmit_skb;
mod tcp_retransmit_synack;
mod tcp_send_reset;
mod timer_cancel;
mod timer_start;

/// Some of the helpers are only for programs with a licence that is compatible with the GPL.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier rejects a program that can reach this loop.
    loop {}
}
