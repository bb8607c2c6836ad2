//! TCP's states by Windows' numbers (MIB_TCP_STATE, tcpmib.h), with the names that its netstat gives them.

use crate::model::State;

/// A state as Windows' tables have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpState(pub(crate) u32);

impl TcpState {
    /// The state; that of a connection which is being deleted is CLOSE.
    pub(crate) fn state(self) -> State {
        match self.0 {
            1 | 12 => State::Close,
            2 => State::Listen,
            3 => State::SynSent,
            4 => State::SynRecv,
            5 => State::Established,
            6 => State::FinWait1,
            7 => State::FinWait2,
            8 => State::CloseWait,
            9 => State::Closing,
            10 => State::LastAck,
            11 => State::TimeWait,
            _ => State::Unknown,
        }
    }

    /// The name that Windows' netstat gives it.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            1 => "CLOSED",
            2 => "LISTENING",
            3 => "SYN_SENT",
            4 => "SYN_RECEIVED",
            5 => "ESTABLISHED",
            6 => "FIN_WAIT_1",
            7 => "FIN_WAIT_2",
            8 => "CLOSE_WAIT",
            9 => "CLOSING",
            10 => "LAST_ACK",
            11 => "TIME_WAIT",
            12 => "DELETE_TCB",
            _ => "UNKNOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_names_its_state() {
        for number in 1..=11 {
            assert_eq!(TcpState(number).name().parse(), Ok(TcpState(number).state()));
        }
        assert_eq!(TcpState(12).state(), State::Close);
        assert_eq!((TcpState(77).state(), TcpState(77).name()), (State::Unknown, "UNKNOWN"));
    }
}
