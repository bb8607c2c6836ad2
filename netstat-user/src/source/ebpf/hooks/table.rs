//! The hooks, set by set. A new hook that reports a fact of its own is one more set in [`INDEPENDENT`].

use netstat_ebpf::wire::program;

use super::hook::{Condition, Hook, HookSet, Kind, Need, Remedy};

/// The port that the kernel chooses after CLOSE→SYN_SENT.
pub const SYN_SENT_PORT: &str = "the local port in SYN_SENT";
/// What has no full socket, and so no transition.
const MINISOCKS: &str = "TIME_WAIT and half-open SYN_RECV";
const FENTRY_KERNEL: Remedy = Remedy::Kernel("a kernel that takes fentry and fexit programs");
const EVERY: &str = "every kernel";

/// Every set; of those with the same facts, the preferred one comes first.
pub fn sets() -> impl Iterator<Item = &'static HookSet> {
    let minisocks = [&MINISOCK_FUNCTIONS, &MINISOCK_TIMERS, &TIME_WAIT_BY_DROP];
    [&STATE, &STATE_CLASSIC].into_iter().chain(minisocks).chain(INDEPENDENT).chain([
        &CONNECTING_SOCKETS,
        &SNAPSHOTS,
        &SOCKET_FILES,
    ])
}

/// Every transition of a full socket, with all that the socket knows.
pub static STATE: HookSet = HookSet {
    hooks: &[
        Hook {
            program: program::STATE,
            kind: Kind::TpBtf,
            target: "inet_sock_set_state",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "every transition of a full socket",
        },
        Hook {
            program: program::STATE_NESTED,
            kind: Kind::TpBtf,
            target: "inet_sock_set_state",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "transitions in a softirq that interrupts the program above, which the kernel then skips",
        },
        Hook {
            program: program::STATE_PREEMPTING,
            kind: Kind::TpBtf,
            target: "inet_sock_set_state",
            condition: Condition::Preemptible,
            kernels: "7.0 and later",
            reports: "transitions while tasks are preempted inside both programs above",
        },
    ],
    need: Need::Required,
    facts: &["network namespaces, cgroups, close reasons and numbers"],
    remedy: Remedy::Privileges,
};

/// The same transitions from the tracepoint's own record, which has less.
pub static STATE_CLASSIC: HookSet = HookSet {
    hooks: &[Hook {
        program: program::STATE_CLASSIC,
        kind: Kind::Tracepoint,
        target: "inet_sock_set_state",
        condition: Condition::Always,
        kernels: "those where tp_btf doesn't load",
        reports: "every transition of a full socket, with its addresses, ports and states only",
    }],
    need: Need::Required,
    facts: &[],
    remedy: Remedy::Tracefs,
};

/// The functions that create and remove minisockets: nothing else in the kernel pays for these programs.
pub static MINISOCK_FUNCTIONS: HookSet = HookSet {
    hooks: &[
        Hook {
            program: program::TIMEWAIT_CREATED,
            kind: Kind::Fentry,
            target: "inet_twsk_hashdance_schedule",
            condition: Condition::Always,
            kernels: "6.12 and later",
            reports: "a timewait socket replaces a closed full socket",
        },
        Hook {
            program: program::TIMEWAIT_CREATED_TO_6_11,
            kind: Kind::Fentry,
            target: "inet_twsk_hashdance",
            condition: Condition::Without(program::TIMEWAIT_CREATED),
            kernels: "before 6.12",
            reports: "a timewait socket replaces a closed full socket",
        },
        Hook {
            program: program::TIMEWAIT_RESCHEDULED,
            kind: Kind::Fentry,
            target: "__inet_twsk_schedule",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "FIN_WAIT2→TIME_WAIT of a timewait socket",
        },
        Hook {
            program: program::TIMEWAIT_REMOVED,
            kind: Kind::Fentry,
            target: "inet_twsk_kill",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a timewait socket is removed",
        },
        Hook {
            program: program::HALF_OPEN_CREATED,
            kind: Kind::Fentry,
            target: "inet_csk_reqsk_queue_hash_add",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a SYN creates a request socket",
        },
        Hook {
            program: program::HALF_OPEN_REMOVED,
            kind: Kind::Fentry,
            target: "__inet_csk_reqsk_queue_drop",
            condition: Condition::Always,
            kernels: "Debian's 6.1 and later",
            reports: "a request socket is removed before its handshake completes",
        },
        Hook {
            program: program::HALF_OPEN_UNLINKED,
            kind: Kind::Fentry,
            target: "reqsk_queue_unlink",
            condition: Condition::Without(program::HALF_OPEN_REMOVED),
            kernels: "those without the function above (Debian's 5.10)",
            reports: "a request socket is removed before its handshake completes",
        },
        Hook {
            program: program::CONNECT,
            kind: Kind::Fentry,
            target: "tcp_connect",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "the local port, when the SYN is sent",
        },
        Hook {
            program: program::FAST_OPEN,
            kind: Kind::Fexit,
            target: "tcp_try_fastopen",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "the endpoints of a connection whose SYN carries data (TCP Fast Open)",
        },
    ],
    need: Need::Optional,
    facts: &[SYN_SENT_PORT, MINISOCKS],
    remedy: FENTRY_KERNEL,
};

/// The timers of minisockets and of the first segment: the programs run for every timer of the kernel.
pub static MINISOCK_TIMERS: HookSet = HookSet {
    hooks: &[
        Hook {
            program: program::TIMER_START,
            kind: Kind::TpBtf,
            target: "timer_start",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a minisocket is created; the local port, when the SYN is sent",
        },
        Hook {
            program: program::TIMER_CANCEL,
            kind: Kind::TpBtf,
            target: "timer_cancel",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a minisocket is removed",
        },
    ],
    need: Need::Optional,
    facts: &[SYN_SENT_PORT, MINISOCKS],
    remedy: Remedy::KernelAddresses,
};

/// FIN_WAIT2→TIME_WAIT where it moves no timer; only beside [`MINISOCK_TIMERS`].
pub static TIME_WAIT_BY_DROP: HookSet = HookSet {
    hooks: &[Hook {
        program: program::KFREE_SKB,
        kind: Kind::TpBtf,
        target: "kfree_skb",
        condition: Condition::Always,
        kernels: "6.11 and later",
        reports: "FIN_WAIT2→TIME_WAIT of a timewait socket whose timer isn't moved",
    }],
    need: Need::Optional,
    facts: &["the moment of FIN_WAIT2→TIME_WAIT after close()"],
    remedy: Remedy::Kernel("Linux 6.11 or later"),
};

/// Sets that need no other and that no other stands in for: each is attached on its own.
pub static INDEPENDENT: [&HookSet; 5] = [&ACCEPTS, &RENAMES, &RESETS_SENT, &SYN_RETRANSMITS, &SYN_ERRORS];

static ACCEPTS: HookSet = HookSet {
    hooks: &[Hook {
        program: program::ACCEPT,
        kind: Kind::Fexit,
        target: "inet_csk_accept",
        condition: Condition::Always,
        kernels: EVERY,
        reports: "the process that accepts a connection",
    }],
    need: Need::Optional,
    facts: &["who accepts, at once (a scan finds it while the connection lives)"],
    remedy: FENTRY_KERNEL,
};

/// New names of processes.
static RENAMES: HookSet = HookSet {
    hooks: &[Hook {
        program: program::RENAME,
        kind: Kind::TpBtf,
        target: "task_rename",
        condition: Condition::Always,
        kernels: EVERY,
        reports: "the new name of a process, also of one that executes another program",
    }],
    need: Need::Optional,
    facts: &["the new name of a process, at once (a scan finds it)"],
    remedy: Remedy::Privileges,
};

/// The RSTs that this host sends.
pub static RESETS_SENT: HookSet = HookSet {
    hooks: &[Hook {
        program: program::RESET_SENT,
        kind: Kind::TpBtf,
        target: "tcp_send_reset",
        condition: Condition::Always,
        kernels: EVERY,
        reports: "an RST that this host sends for a socket; from 6.11 on with its cause",
    }],
    need: Need::Optional,
    facts: &["which connections this host resets, where their states don't show it"],
    remedy: Remedy::Privileges,
};

/// Repeated SYNs and SYN-ACKs.
pub static SYN_RETRANSMITS: HookSet = HookSet {
    hooks: &[
        Hook {
            program: program::SYN_SENT_AGAIN,
            kind: Kind::TpBtf,
            target: "tcp_retransmit_skb",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a SYN is sent again",
        },
        Hook {
            program: program::SYN_ACK_SENT_AGAIN,
            kind: Kind::TpBtf,
            target: "tcp_retransmit_synack",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "a SYN-ACK is sent again",
        },
    ],
    need: Need::Optional,
    facts: &["how often SYNs and SYN-ACKs are sent again"],
    remedy: Remedy::Privileges,
};

/// ICMP errors that arrive while connect() still uses the socket.
pub static SYN_ERRORS: HookSet = HookSet {
    hooks: &[Hook {
        program: program::ERROR_REPORTED,
        kind: Kind::TpBtf,
        target: "inet_sk_error_report",
        condition: Condition::Always,
        kernels: "5.14 and later",
        reports: "an ICMP error that answers a SYN",
    }],
    need: Need::Optional,
    facts: &["ICMP errors that arrive during connect() and that the process has read"],
    remedy: Remedy::Kernel("Linux 5.14 or later"),
};

/// The port of a connecting socket whose SYN is not sent yet, so that no hook shows it.
pub static CONNECTING_SOCKETS: HookSet = HookSet {
    hooks: &[Hook {
        program: program::CONNECTING_SOCKET,
        kind: Kind::OnRequest,
        target: "BPF_PROG_TEST_RUN",
        condition: Condition::Always,
        kernels: "5.10 and later",
        reports: "the local port of a socket whose connect() has sent no SYN yet (TCP_FASTOPEN_CONNECT)",
    }],
    need: Need::Optional,
    facts: &["the local port in SYN_SENT while the SYN waits for its data (TCP_FASTOPEN_CONNECT)"],
    remedy: Remedy::Kernel("Linux 5.10 or later"),
};

/// All sockets of a network namespace, and the processes that hold them.
pub static SNAPSHOTS: HookSet = HookSet {
    hooks: &[
        Hook {
            program: program::ITER_TCP,
            kind: Kind::Iter,
            target: "tcp",
            condition: Condition::Always,
            kernels: "5.9 and later",
            reports: "every TCP socket of a network namespace",
        },
        Hook {
            program: program::ITER_TASK_FILE,
            kind: Kind::Iter,
            target: "task_file",
            condition: Condition::Always,
            kernels: EVERY,
            reports: "every process that holds a TCP socket",
        },
    ],
    need: Need::Optional,
    facts: &["connections from before the start, and owners found by a scan"],
    remedy: Remedy::Kernel("Linux 5.9 or later"),
};

/// The holders of sockets of all families, for `rnetstat -p`.
pub static SOCKET_FILES: HookSet = HookSet {
    hooks: &[Hook {
        program: program::ITER_SOCKET_FILE,
        kind: Kind::Iter,
        target: "task_file",
        condition: Condition::Always,
        kernels: EVERY,
        reports: "every process that holds a socket of any family",
    }],
    need: Need::Rnetstat,
    facts: &[],
    remedy: Remedy::Privileges,
};
