//! The TCP states, in netstat(8)'s names and the kernel's numbers.

use std::{fmt, str::FromStr};

/// A TCP state as netstat(8) prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// A state number that this program doesn't know.
    Unknown = 0,
    /// Both ends may send.
    Established = 1,
    /// This end has sent a SYN.
    SynSent = 2,
    /// A SYN has arrived; the handshake's last ACK has not.
    SynRecv = 3,
    /// This end closed first; its FIN is queued or sent (`__tcp_close`, net/ipv4/tcp.c), not acknowledged.
    FinWait1 = 4,
    /// The FIN of this end is acknowledged; the peer may still send.
    FinWait2 = 5,
    /// Both FINs are acknowledged. The four-tuple can't be used again until old segments have expired.
    TimeWait = 6,
    /// No connection.
    Close = 7,
    /// The peer closed first; this end has not closed yet.
    CloseWait = 8,
    /// The peer closed first, then this end; the FIN of this end is not acknowledged.
    LastAck = 9,
    /// Waiting for connections.
    Listen = 10,
    /// Both ends closed at the same time.
    Closing = 11,
}

impl State {
    /// Every state that a socket can be in, in the kernel's order.
    pub const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// The state of a kernel number (include/net/tcp_states.h, the same since 2.6); 12,
    /// TCP_NEW_SYN_RECV, is the SYN_RECV of a request socket.
    pub const fn from_kernel(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => Self::Unknown,
        }
    }

    /// Its name in netstat(8).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }

    /// The state's bit in a set of states.
    pub const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is not the name of a TCP state on any system.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownState(pub String);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no TCP state; the states are", self.0)?;
        let mut separator = " ";
        for state in State::ALL {
            write!(f, "{separator}{state}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl std::error::Error for UnknownState {}

impl FromStr for State {
    type Err = UnknownState;

    /// Takes any spelling that a netstat or ss on any system uses, in any case:
    /// `FIN_WAIT_1`, `fin-wait-1`, `SYN_RECEIVED`, `LISTENING`, `CLOSED`, `ESTAB`.
    fn from_str(word: &str) -> Result<Self, UnknownState> {
        let plain: String =
            word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
        Ok(match plain.as_str() {
            "ESTABLISHED" | "ESTAB" => Self::Established,
            "SYNSENT" => Self::SynSent,
            "SYNRECV" | "SYNRECEIVED" | "SYNRCVD" | "NEWSYNRECV" => Self::SynRecv,
            "FINWAIT1" => Self::FinWait1,
            "FINWAIT2" => Self::FinWait2,
            "TIMEWAIT" => Self::TimeWait,
            "CLOSE" | "CLOSED" => Self::Close,
            "CLOSEWAIT" => Self::CloseWait,
            "LASTACK" => Self::LastAck,
            "LISTEN" | "LISTENING" => Self::Listen,
            "CLOSING" => Self::Closing,
            "UNKNOWN" => Self::Unknown,
            _ => return Err(UnknownState(word.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_s_spelling_names_the_state() {
        for (word, state) in [
            ("FIN_WAIT_1", State::FinWait1),
            ("fin-wait-1", State::FinWait1),
            ("FIN_WAIT1", State::FinWait1),
            ("SYN_RECEIVED", State::SynRecv),
            ("syn-recv", State::SynRecv),
            ("LISTENING", State::Listen),
            ("CLOSED", State::Close),
            ("estab", State::Established),
            ("time-wait", State::TimeWait),
        ] {
            assert_eq!(word.parse(), Ok(state), "{word}");
        }
    }

    #[test]
    fn a_word_that_is_no_state_is_named_in_the_error() {
        let error = "ESTABLISHING".parse::<State>().unwrap_err().to_string();
        assert!(error.starts_with("\"ESTABLISHING\" is no TCP state"), "{error}");
        assert!(error.contains("FIN_WAIT1"), "{error}");
    }

    #[test]
    fn names_and_numbers_convert_to_states_and_back() {
        for state in State::ALL {
            assert_eq!(State::from_kernel(state as u8), state);
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert_eq!(State::from_kernel(12), State::SynRecv);
        assert_eq!(State::from_kernel(77), State::Unknown);
    }
}
