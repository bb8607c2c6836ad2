//! The texts in Korean.

use super::text::{Labels, StateText};
use crate::model::State;

pub const LABELS: Labels = Labels {
    meaning: "의미",
    client: "클라이언트에서는",
    server: "서버에서는",
    normal: "정상적인 지속 시간",
    many: "많이 쌓였을 때",
    checks: "확인할 것",
    before: "이전 상태",
    after: "다음 상태",
    diagram: "TCP 연결의 상태 (RFC 9293)",
    counts: "숫자는 이 호스트의 현재 소켓 수입니다.",
    left_out: "그림에 없는 것: 리셋이나 시간 초과가 일어나면 어느 상태에서든 CLOSE로 갑니다.",
    order: "정상적인 순서",
    order_client: "접속하고 먼저 닫는 쪽",
    order_server: "접속을 받는 쪽",
    elsewhere: "시간, 설정, 명령은 Linux 호스트의 것이며, Windows에는 Windows의 것이 따로 있습니다.",
    more: "rnetstat explain STATE를 실행하면 각 상태를 더 자세히 설명합니다.",
};

pub fn state(state: State) -> StateText {
    match state {
        State::Close => StateText {
            meaning: "연결이 없습니다. 아직 만들어지지 않았거나 이미 끝난 것입니다.",
            client: "모든 연결은 connect() 전에 이 상태에서 시작해 이 상태로 끝납니다.",
            server: "listen() 전, 그리고 마지막 확인 응답(ACK)을 받은 뒤의 상태입니다.",
            normal: "이런 소켓은 커널의 어느 테이블에도 없으므로 목록에는 거의 나타나지 않습니다.",
            many: "상태 전이를 추적할 때만 많이 보입니다. 연결은 끝나기 마련이고, 중요한 것은 끝난 이유입니다.",
            checks: &[
                "rnetstat-trace -s close는 연결이 끝날 때마다 거부, 리셋, 시간 초과, 정상 종료 중 무엇이 이유인지 보여 줍니다.",
            ],
        },
        State::Listen => StateText {
            meaning: "소켓이 접속을 기다리고 있습니다. 그 자체는 연결이 아닙니다.",
            client: "클라이언트에는 이런 소켓이 없습니다.",
            server: "서비스가 떠 있습니다. Recv-Q는 서비스가 아직 accept하지 않은 연결의 수입니다.",
            normal: "서비스가 실행되는 동안 계속됩니다.",
            many: "주소와 포트마다 하나(SO_REUSEPORT를 쓰면 여럿)인 것이 정상입니다. Recv-Q가 계속 0보다 크면 서비스가 \
                   연결을 너무 느리게 받고 있다는 뜻이며, 큐가 가득 차면 커널이 새 연결을 버립니다.",
            checks: &[
                "열려 있는 포트가 모두 의도한 것입니까? 0.0.0.0과 ::는 어디서나 접속할 수 있습니다. rnetstat -tlnp가 프로세스를 알려 줍니다.",
                "큐가 가득 차면 rnetstat -s의 \"listen queue of a socket overflowed\"가 늘어납니다. 큐의 길이는 listen()의 backlog이고, 최댓값은 net.core.somaxconn입니다.",
            ],
        },
        State::SynSent => StateText {
            meaning: "이쪽에서 SYN을 보내고 응답을 기다리고 있습니다.",
            client: "connect()가 진행 중입니다.",
            server: "양쪽이 동시에 서로 접속하는 경우가 아니면 나타나지 않습니다.",
            normal: "한 번의 왕복, 곧 밀리초 단위입니다. 응답이 없으면 SYN을 다시 보내고, 1~2분 뒤 connect()가 실패합니다 \
                     (net.ipv4.tcp_syn_retries).",
            many: "SYN에 응답이 없습니다. 방화벽이 조용히 버리거나, 주소가 틀렸거나, 상대 호스트가 꺼져 있는 것입니다. \
                   (호스트가 켜져 있고 그 포트를 쓰는 프로그램이 없으면 즉시 거부됩니다.) 아무도 모르는 프로그램이 \
                   만든 것이라면 스캔일 수 있습니다.",
            checks: &[
                "경로에 있는 모든 방화벽과 보안 그룹이 이 포트를 양방향으로 허용합니까?",
                "주소와 경로가 올바른 곳으로 향합니까? ip route get ADDRESS",
                "어느 프로세스입니까? rnetstat -tnp --state syn-sent",
            ],
        },
        State::SynRecv => StateText {
            meaning: "SYN을 받아 응답했지만 핸드셰이크의 마지막 확인 응답(ACK)이 아직 오지 않았습니다.",
            client: "양쪽이 동시에 서로 접속하는 경우가 아니면 나타나지 않습니다.",
            server: "반쯤 열린 연결입니다. 아직 어느 프로세스도 모르므로 소유자도 inode 번호도 없습니다.",
            normal: "한 번의 왕복, 곧 밀리초 단위입니다. 확인 응답이 없으면 약 1분 동안 응답을 다시 보냅니다 \
                     (net.ipv4.tcp_synack_retries).",
            many: "응답이 도착하지 않거나 무시됩니다. 위조된 주소를 쓰는 SYN 플러드이거나, 돌아가는 경로가 끊긴 \
                   것입니다(비대칭 라우팅, 방화벽).",
            checks: &[
                "서로 다른 수많은 원격 주소가 끝내 연결을 완성하지 않는다면 플러드입니다. net.ipv4.tcp_syncookies는 1이어야 합니다.",
                "아는 주소 몇 개뿐이라면 돌아가는 경로가 열려 있는지 보십시오. ip route get ADDRESS",
                "rnetstat -ant --state syn-recv --summary가 원격 주소별로 세어 줍니다.",
            ],
        },
        State::Established => StateText {
            meaning: "연결이 열려 있습니다. 양쪽 모두 데이터를 보낼 수 있습니다.",
            client: "접속된 상태, 정상적인 작업 중입니다.",
            server: "접속된 상태입니다. 아직 accept하지 않았을 수도 있는데, 그러면 프로세스가 없고 리스너의 Recv-Q에 포함됩니다.",
            normal: "양쪽이 원하는 만큼, 밀리초에서 몇 달까지입니다.",
            many: "작업 중인 클라이언트 수만큼이 정상입니다. 그보다 많다면 연결을 반환하지 않거나 상대가 소리 없이 사라진 \
                   것입니다. 오가는 데이터가 없으면 keepalive를 켜지 않는 한(켜면 두 시간 뒤, \
                   net.ipv4.tcp_keepalive_time) 아무도 알아채지 못합니다.",
            checks: &[
                "Send-Q가 오래 0보다 크면 상대나 네트워크가 데이터를 받아 가지 못하는 것입니다.",
                "Recv-Q가 오래 0보다 크면 이쪽 프로세스가 읽지 않는 것입니다.",
                "프로그램에 keepalive와 시간 제한이 있고 연결 풀의 크기가 제한되어 있습니까? rnetstat -tno가 타이머를 보여 줍니다.",
            ],
        },
        State::FinWait1 => StateText {
            meaning: "이쪽이 먼저 닫았습니다. FIN을 보냈고 아직 확인 응답을 받지 못했습니다.",
            client: "프로그램이 연결을 닫았습니다.",
            server: "서비스가 연결을 닫았습니다.",
            normal: "Send-Q에 남은 데이터를 보낸 뒤 한 번의 왕복입니다.",
            many: "상대가 확인 응답을 보내지 않습니다. 상대가 사라졌거나, 네트워크가 패킷을 잃거나, 상대가 읽지 않아 FIN 앞의 \
                   데이터가 막혀 있는 것입니다.",
            checks: &[
                "Send-Q가 0보다 크면 보내지 못한 데이터가 읽는 쪽을 기다리는 것입니다. 커널은 몇 분 뒤 포기합니다(net.ipv4.tcp_orphan_retries).",
                "원격 주소에 여전히 도달할 수 있습니까? 손실은 rnetstat -s에 재전송된 세그먼트(segments retransmitted)로 나타납니다.",
            ],
        },
        State::FinWait2 => StateText {
            meaning: "이쪽이 먼저 닫았고 상대가 확인했지만, 상대는 아직 닫지 않았습니다.",
            client: "서버가 닫기를 기다립니다.",
            server: "클라이언트가 닫기를 기다립니다.",
            normal: "밀리초 단위입니다. 프로세스가 소켓을 놓았으면 커널은 60초를 기다립니다(net.ipv4.tcp_fin_timeout). \
                     아직 소켓을 쥐고 있으면(shutdown()) 제한이 없습니다.",
            many: "상대가 닫지 않습니다. 상대 쪽에서는 연결이 CLOSE_WAIT에 있으며, 잘못은 그쪽에 있습니다.",
            checks: &[
                "상대 호스트에서 CLOSE_WAIT와 그것을 가진 프로그램을 찾으십시오.",
                "rnetstat -tnp에 프로세스가 보인다면, 그 프로그램이 shutdown() 뒤에 끝까지 읽고 닫습니까?",
            ],
        },
        State::CloseWait => StateText {
            meaning: "상대가 닫았지만 이쪽 프로그램은 아직 닫지 않았습니다.",
            client: "서버가 연결을 닫았는데 프로그램이 알아채지 못했거나 반응하지 않았습니다.",
            server: "클라이언트가 연결을 닫았는데 서비스가 알아채지 못했거나 반응하지 않았습니다.",
            normal: "프로그램이 데이터의 끝을 읽고 close()를 부를 때까지, 밀리초 단위입니다. 이 상태를 끝내는 타이머는 없습니다.",
            many: "프로그램이 소켓을 닫지 않아 새고 있습니다. 저절로 낫지 않으며, 결국 \"too many open files\"로 끝납니다.",
            checks: &[
                "어느 프로세스입니까? rnetstat -tnp --state close-wait",
                "잘못은 그 프로그램에 있습니다. close()가 없는 경로(대개 오류 처리), 멈춘 스레드, 연결을 검사하지 않는 풀을 찾으십시오.",
                "프로그램을 다시 시작하면 다음번까지는 괜찮습니다. 커널 설정으로는 해결되지 않습니다.",
            ],
        },
        State::LastAck => StateText {
            meaning: "상대가 먼저 닫고 이쪽도 닫았습니다. 이쪽 FIN의 확인 응답이 아직 오지 않았습니다.",
            client: "서버가 먼저 닫았고 클라이언트가 뒤따랐습니다.",
            server: "클라이언트가 먼저 닫았고 서비스가 뒤따랐습니다. 마지막 확인 응답이 오면 연결은 사라집니다.",
            normal: "한 번의 왕복입니다.",
            many: "마지막 확인 응답이 도착하지 않습니다. 상대가 사라졌거나, 방화벽이 연결을 너무 일찍 잊은 것입니다.",
            checks: &[
                "경로에 반쯤 닫힌 연결을 버리는 방화벽이나 NAT가 있습니까?",
                "커널은 FIN을 다시 보내다가 1분 또는 그 이상이 지나면 포기합니다(net.ipv4.tcp_orphan_retries).",
            ],
        },
        State::Closing => StateText {
            meaning: "양쪽이 동시에 닫았습니다. FIN이 서로 엇갈렸고 이쪽 FIN의 확인 응답이 아직 오지 않았습니다.",
            client: "서버와 같습니다.",
            server: "클라이언트와 같습니다.",
            normal: "한 번의 왕복입니다. 보기 드문 상태입니다.",
            many: "양쪽이 한꺼번에 닫는 바로 그때, 예를 들어 같은 시간 제한에 걸렸을 때 확인 응답이 사라지고 있습니다.",
            checks: &[
                "양쪽의 유휴 시간 제한이 같습니까? 한쪽을 더 길게 하십시오.",
                "손실은 rnetstat -s에 재전송된 세그먼트(segments retransmitted)로 나타납니다.",
            ],
        },
        State::TimeWait => StateText {
            meaning: "연결은 끝났습니다. 커널이 주소와 포트를 기억해, 늦게 온 세그먼트를 새 연결의 것으로 오인하지 않고 \
                      잃어버린 마지막 확인 응답을 다시 보낼 수 있게 합니다.",
            client: "보통 그렇듯 클라이언트가 먼저 닫았습니다.",
            server: "서버가 먼저 닫았습니다. 그러면 기억하는 부담을 서버가 집니다.",
            normal: "리눅스에서는 60초이며 커널에 고정되어 있습니다. net.ipv4.tcp_fin_timeout으로 바뀌지 않습니다. 더는 프로세스가 없습니다.",
            many: "짧은 연결이 많다는 뜻이며 대개 해롭지 않습니다. 하나에 몇백 바이트가 들 뿐입니다. 한 주소와 포트에 아주 자주 \
                   접속하는 쪽에만 한계가 됩니다. 로컬 포트를 다 쓰면 connect()가 \"cannot assign requested address\"로 \
                   실패합니다.",
            checks: &[
                "연결을 재사용하십시오. HTTP keep-alive, 데이터베이스 연결 풀이 있습니다.",
                "원격 주소별로 세십시오. rnetstat -ant --state time-wait --summary",
                "로컬 포트가 모자라면 net.ipv4.ip_local_port_range를 넓히거나, 접속하는 호스트에서 net.ipv4.tcp_tw_reuse를 1로 하십시오.",
            ],
        },
        State::Unknown => StateText {
            meaning: "커널이 준 번호가 이 프로그램이 아는 어느 상태도 아닙니다.",
            client: "연결 자체에 대해서는 아무것도 말해 주지 않습니다.",
            server: "연결 자체에 대해서는 아무것도 말해 주지 않습니다.",
            normal: "TCP에서는 나타나지 않아야 합니다. UDP 소켓은 커널이 UDP에 없는 상태를 줄 때 이렇게 표시됩니다.",
            many: "커널이 이 프로그램보다 새것이거나, 커널의 출력을 잘못 읽은 것입니다.",
            checks: &["ss -tan과 비교하고, 양쪽 출력을 커널 버전(uname -r)과 함께 알려 주십시오."],
        },
    }
}
