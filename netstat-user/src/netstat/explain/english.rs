//! The texts in English. The texts in the other languages are translations.

use super::text::{Labels, StateText};
use crate::model::State;

pub const LABELS: Labels = Labels {
    meaning: "What it means",
    client: "For the client",
    server: "For the server",
    normal: "How long it is normal",
    many: "When there are many",
    checks: "What to check",
    before: "Comes from",
    after: "Goes to",
    diagram: "The states of a TCP connection (RFC 9293)",
    counts: "The numbers are this host's sockets now.",
    left_out: "Not drawn: a reset or a timeout leads from every state to CLOSE.",
    order: "The normal order",
    order_client: "the end that connects, and closes first",
    order_server: "the end that is connected to",
    elsewhere: "Times, settings and commands are those of a Linux host; Windows has its own.",
    more: "rnetstat explain STATE tells more about a state.",
};

pub fn state(state: State) -> StateText {
    match state {
        State::Close => StateText {
            meaning: "There is no connection: either there is none yet, or it is over.",
            client: "Where every connection begins, before connect(), and where it ends.",
            server: "Before listen(), and after the last acknowledgment.",
            normal: "Such sockets are in no table of the kernel's, so lists hardly ever show one.",
            many: "Only a trace of transitions shows many: connections end. What counts is why.",
            checks: &[
                "rnetstat-trace -s close shows each end with its reason: refused, reset, timed out, or closed in order.",
            ],
        },
        State::Listen => StateText {
            meaning: "A socket waits for connections. It is no connection itself.",
            client: "Clients have no such socket.",
            server: "The service is there. Recv-Q is the number of connections that it has not accepted yet.",
            normal: "As long as the service runs.",
            many: "One for each address and port (or several with SO_REUSEPORT) is normal. A Recv-Q that stays \
                   above 0 means that the service accepts too slowly; when the queue is full, the kernel drops \
                   new connections.",
            checks: &[
                "Is every port meant to be open? 0.0.0.0 and :: are reachable from everywhere: rnetstat -tlnp names the process.",
                "rnetstat -s: \"listen queue of a socket overflowed\" grows when the queue is full; its length is listen()'s backlog, at most net.core.somaxconn.",
            ],
        },
        State::SynSent => StateText {
            meaning: "This end has sent a SYN and waits for the answer.",
            client: "connect() is under way.",
            server: "Does not occur, unless both ends connect to each other at the same time.",
            normal: "One round trip: milliseconds. Without an answer the SYN is sent again, and connect() fails after one \
                     to two minutes (net.ipv4.tcp_syn_retries).",
            many: "The SYNs are not answered: a firewall drops them silently, the address is wrong, or the other host is \
                   down. (A host that is up but has nobody on that port refuses at once.) From a program that nobody \
                   knows it may be a scan.",
            checks: &[
                "Is the port allowed, in both directions, by every firewall and security group on the way?",
                "Do address and route lead where they should? ip route get ADDRESS",
                "Which process is it? rnetstat -tnp --state syn-sent",
            ],
        },
        State::SynRecv => StateText {
            meaning: "A SYN came in and was answered; the last acknowledgment of the handshake has not come yet.",
            client: "Does not occur, unless both ends connect to each other at the same time.",
            server: "A half-open connection. No process knows of it yet, so it has no owner and no inode number.",
            normal: "One round trip: milliseconds. Without the acknowledgment the answer is sent again, for about a \
                     minute (net.ipv4.tcp_synack_retries).",
            many: "The answers do not arrive or are ignored: a SYN flood with forged addresses, or a way back that is \
                   broken (asymmetric routing, a firewall).",
            checks: &[
                "Many different remote addresses that never complete: a flood. net.ipv4.tcp_syncookies should be 1.",
                "A few known addresses: is the way back open? ip route get ADDRESS",
                "rnetstat -ant --state syn-recv --summary counts by remote address.",
            ],
        },
        State::Established => StateText {
            meaning: "The connection is open: both ends may send.",
            client: "Connected. Normal work.",
            server: "Connected, perhaps not accepted yet: then it has no process, and the listener's Recv-Q counts it.",
            normal: "As long as the two want: milliseconds to months.",
            many: "As many as there are clients at work. More than that means that connections are not given back, or that \
                   the other ends have gone silently: without traffic nobody notices, unless keepalive is on (then \
                   after two hours, net.ipv4.tcp_keepalive_time).",
            checks: &[
                "Send-Q above 0 for long: the other end or the network does not take the data.",
                "Recv-Q above 0 for long: the process here does not read.",
                "Does the program have keepalive, timeouts and a limited pool of connections? rnetstat -tno shows the timers.",
            ],
        },
        State::FinWait1 => StateText {
            meaning: "This end closed first: its FIN is on the way and not acknowledged yet.",
            client: "The program has closed the connection.",
            server: "The service has closed the connection.",
            normal: "One round trip, after what was still in Send-Q.",
            many: "The other ends do not acknowledge: they are gone, the network loses packets, or they do not read, so that \
                   data in front of the FIN is stuck.",
            checks: &[
                "Send-Q above 0: unsent data waits for a reader. The kernel gives up after some minutes (net.ipv4.tcp_orphan_retries).",
                "Is the remote address still reachable? Losses show in rnetstat -s as retransmitted segments.",
            ],
        },
        State::FinWait2 => StateText {
            meaning: "This end closed first and the other has acknowledged it, but has not closed itself.",
            client: "Waits for the server to close.",
            server: "Waits for the client to close.",
            normal: "Milliseconds. If the process has given the socket up, the kernel waits 60 s (net.ipv4.tcp_fin_timeout). \
                     If it still holds the socket (shutdown()), there is no limit.",
            many: "The other ends do not close: there the connections are in CLOSE_WAIT, and that is where the fault is.",
            checks: &[
                "Look at the other host for CLOSE_WAIT, and at the program that has it.",
                "With a process in rnetstat -tnp: does it ever read to the end and close after shutdown()?",
            ],
        },
        State::CloseWait => StateText {
            meaning: "The other end has closed; the program here has not.",
            client: "The server has closed the connection, the program has not noticed or not reacted.",
            server: "The client has closed the connection, the service has not noticed or not reacted.",
            normal: "Milliseconds, until the program reads the end of the data and calls close(). No timer ends this state.",
            many: "The program leaks sockets: it does not close them. That never heals by itself, and ends with \
                   \"too many open files\".",
            checks: &[
                "Which process? rnetstat -tnp --state close-wait",
                "The fault is in that program: a path (mostly of an error) without close(), a thread that hangs, a pool that does not check its connections.",
                "A restart of the program helps until the next time; no kernel setting does.",
            ],
        },
        State::LastAck => StateText {
            meaning: "The other end closed first, then this one: its FIN is not acknowledged yet.",
            client: "The server closed first; the client has followed.",
            server: "The client closed first; the service has followed. After the last acknowledgment the connection is gone.",
            normal: "One round trip.",
            many: "The last acknowledgments do not arrive: the other ends have gone, or a firewall forgot the connections \
                   too early.",
            checks: &[
                "Is there a firewall or NAT on the way that drops connections that are half closed?",
                "The kernel sends the FIN again and gives up after a minute or more (net.ipv4.tcp_orphan_retries).",
            ],
        },
        State::Closing => StateText {
            meaning: "Both ends closed at the same time: their FINs crossed, and the acknowledgment of ours has not come.",
            client: "The same as for the server.",
            server: "The same as for the client.",
            normal: "One round trip. It is rare to see.",
            many: "Acknowledgments get lost, just when both ends close at once, for instance at the same timeout.",
            checks: &[
                "Do both ends have the same idle timeout? Make one of them longer.",
                "Losses show in rnetstat -s as retransmitted segments.",
            ],
        },
        State::TimeWait => StateText {
            meaning: "The connection is over. The kernel remembers its addresses and ports, so that late segments are not \
                      taken for a new connection's, and so that a lost last acknowledgment can be sent again.",
            client: "The client closed first, as usual.",
            server: "The server closed first: then the remembering is at its expense.",
            normal: "60 s on Linux, fixed in the kernel; net.ipv4.tcp_fin_timeout does not change it. It has no process any more.",
            many: "Many short connections, which is mostly harmless: each costs some hundred bytes. It is a limit only to who \
                   connects to one address and port very often: when all local ports are used, connect() fails with \
                   \"cannot assign requested address\".",
            checks: &[
                "Use connections again: HTTP keep-alive, a pool of database connections.",
                "Count by remote address: rnetstat -ant --state time-wait --summary",
                "If local ports run out: widen net.ipv4.ip_local_port_range, or let net.ipv4.tcp_tw_reuse be 1 on the connecting host.",
            ],
        },
        State::Unknown => StateText {
            meaning: "The kernel gave a number that stands for no state that this program knows.",
            client: "Says nothing about the connection itself.",
            server: "Says nothing about the connection itself.",
            normal: "Should not occur with TCP. A UDP socket shows it when the kernel gives it a state that UDP does not have.",
            many: "The kernel is newer than this program, or its output was misread.",
            checks: &[
                "Compare with ss -tan, and report what both show with the version of the kernel (uname -r).",
            ],
        },
    }
}
