//! TCP states by their numbers in MIB_TCP_STATE (tcpmib.h), with their names in Windows' netstat.

use crate::model::State;

/// A state's number in Windows' tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpState(pub(crate) u32);

impl TcpState {
    /// The model's state. MIB_TCP_STATE_DELETE_TCB (12) becomes CLOSE, an unknown number Unknown.
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

    /// The name in Windows' netstat.
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
    fn the_name_of_every_known_number_parses_to_its_state() {
        for number in 1..=11 {
            assert_eq!(TcpState(number).name().parse(), Ok(TcpState(number).state()));
        }
        assert_eq!(TcpState(12).state(), State::Close);
        assert_eq!((TcpState(77).state(), TcpState(77).name()), (State::Unknown, "UNKNOWN"));
    }
}
