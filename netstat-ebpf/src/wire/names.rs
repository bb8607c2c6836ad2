//! The names in the eBPF object: programs, maps and globals.

/// The programs, by the name of their function.
pub mod program {
    /// `tp_btf/inet_sock_set_state`: every transition.
    pub const STATE: &str = "inet_sock_set_state";
    /// `tp_btf/inet_sock_set_state`: the transitions for which the kernel skipped [`STATE`], because they interrupted it
    /// on the same CPU.
    pub const STATE_NESTED: &str = "inet_sock_set_state_nested";
    /// `tp_btf/inet_sock_set_state`: the transitions for which the kernel skipped both [`STATE`] and [`STATE_NESTED`],
    /// because a task was preempted inside each of them on the same CPU.
    pub const STATE_PREEMPTING: &str = "inet_sock_set_state_preempting";
    /// `tracepoint/sock/inet_sock_set_state`: every transition, for kernels where tp_btf programs don't load.
    pub const STATE_CLASSIC: &str = "inet_sock_set_state_classic";
    /// `tp_btf/timer_start`: a connection's first segment is sent, which shows its tuple; a half-open or timewait socket
    /// is created.
    pub const TIMER_START: &str = "timer_start";
    /// `tp_btf/timer_cancel`: a half-open or timewait socket is removed.
    pub const TIMER_CANCEL: &str = "timer_cancel";
    /// `tp_btf/kfree_skb`: a timewait socket goes from FIN_WAIT2 to TIME_WAIT.
    pub const KFREE_SKB: &str = "kfree_skb";
    /// `fentry/inet_twsk_hashdance`: a timewait socket is created; up to 6.11.
    pub const TIMEWAIT_CREATED_TO_6_11: &str = "inet_twsk_hashdance";
    /// `fentry/inet_twsk_hashdance_schedule`: a timewait socket is created; from 6.12 on.
    pub const TIMEWAIT_CREATED: &str = "inet_twsk_hashdance_schedule";
    /// `fentry/__inet_twsk_schedule`: a timewait socket goes from FIN_WAIT2 to TIME_WAIT.
    pub const TIMEWAIT_RESCHEDULED: &str = "__inet_twsk_schedule";
    /// `fentry/inet_twsk_kill`: a timewait socket is removed.
    pub const TIMEWAIT_REMOVED: &str = "inet_twsk_kill";
    /// `fentry/inet_csk_reqsk_queue_hash_add`: a half-open connection is created.
    pub const HALF_OPEN_CREATED: &str = "inet_csk_reqsk_queue_hash_add";
    /// `fentry/__inet_csk_reqsk_queue_drop`: a half-open connection is removed.
    pub const HALF_OPEN_REMOVED: &str = "__inet_csk_reqsk_queue_drop";
    /// `fentry/reqsk_queue_unlink`: a half-open connection is removed, on kernels without [`HALF_OPEN_REMOVED`].
    pub const HALF_OPEN_UNLINKED: &str = "reqsk_queue_unlink";
    /// `fentry/tcp_connect`: a SYN is sent, which shows the connection's tuple.
    pub const CONNECT: &str = "tcp_connect";
    /// Attached to nothing: user space runs it for one socket, to get its tuple.
    pub const CONNECTING_SOCKET: &str = "connecting_socket";
    /// `fexit/tcp_try_fastopen`: a Fast Open child is created, which shows its tuple.
    pub const FAST_OPEN: &str = "tcp_try_fastopen";
    /// `fexit/inet_csk_accept`: a process accepts a connection.
    pub const ACCEPT: &str = "inet_csk_accept";
    /// `tp_btf/tcp_send_reset`: this host sends an RST.
    pub const RESET_SENT: &str = "tcp_send_reset";
    /// `tp_btf/tcp_retransmit_skb`: a SYN is sent again.
    pub const SYN_SENT_AGAIN: &str = "tcp_retransmit_skb";
    /// `tp_btf/tcp_retransmit_synack`: a SYN-ACK is sent again.
    pub const SYN_ACK_SENT_AGAIN: &str = "tcp_retransmit_synack";
    /// `tp_btf/inet_sk_error_report`: an ICMP error answers a SYN.
    pub const ERROR_REPORTED: &str = "inet_sk_error_report";
    /// `tp_btf/task_rename`: a process gets another name.
    pub const RENAME: &str = "task_rename";
    /// `iter/tcp`: every TCP socket of one network namespace.
    pub const ITER_TCP: &str = "iter_tcp";
    /// `iter/task_file`: every process that holds a TCP socket.
    pub const ITER_TASK_FILE: &str = "iter_task_file";
    /// `iter/task_file`: every process that holds a socket of any family.
    pub const ITER_SOCKET_FILE: &str = "iter_socket_file";
}

/// The maps.
pub mod map {
    /// The ring buffer, one for all CPUs.
    pub const EVENTS: &str = "EVENTS";
    /// One [`super::super::LossCounters`] for each CPU.
    pub const LOSS_COUNTERS: &str = "LOSS_COUNTERS";
}

/// The read-only globals, which user space sets before it loads the object.
pub mod global {
    /// An [`super::super::Offsets`].
    pub const OFFSETS: &str = "OFFSETS";
    /// A [`super::super::ClassicFormat`].
    pub const CLASSIC_FORMAT: &str = "CLASSIC_FORMAT";
    /// A [`super::super::Filter`].
    pub const FILTER: &str = "FILTER";
    /// The log level of aya-log: at 0 the verifier removes the code that logs.
    pub const LOG_LEVEL: &str = "AYA_LOG_LEVEL";
}
