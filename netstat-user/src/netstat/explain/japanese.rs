//! The texts in Japanese.

use super::text::{Labels, StateText};
use crate::model::State;

pub const LABELS: Labels = Labels {
    meaning: "意味",
    client: "クライアント側では",
    server: "サーバー側では",
    normal: "正常な継続時間",
    many: "多数たまっているとき",
    checks: "確認すること",
    before: "前の状態",
    after: "次の状態",
    diagram: "TCP接続の状態 (RFC 9293)",
    counts: "数字は、このホストにある現在のソケット数です。",
    left_out: "図にないもの: リセットまたはタイムアウトが起きると、どの状態からもCLOSEに移ります。",
    order: "正常な順序",
    order_client: "接続し、先に閉じる側",
    order_server: "接続を受ける側",
    elsewhere: "時間、設定、コマンドはLinuxホストのものです。Windowsには別のものがあります。",
    more: "rnetstat explain STATE で、各状態の詳しい説明を表示します。",
};

pub fn state(state: State) -> StateText {
    match state {
        State::Close => StateText {
            meaning: "接続がありません。まだ作られていないか、すでに終わっています。",
            client: "どの接続もconnect()の前にこの状態から始まり、この状態で終わります。",
            server: "listen()の前、および最後の確認応答(ACK)を受け取った後の状態です。",
            normal: "このようなソケットはカーネルのどの表にもないため、一覧にはほとんど現れません。",
            many: "多く見えるのは状態遷移を追跡したときだけです。接続は必ず終わります。大切なのは終わった理由です。",
            checks: &[
                "rnetstat-trace -s close は、接続の終わりごとに、拒否、リセット、タイムアウト、正常終了のどれが理由かを示します。",
            ],
        },
        State::Listen => StateText {
            meaning: "ソケットが接続を待っています。それ自体は接続ではありません。",
            client: "クライアントにこのようなソケットはありません。",
            server: "サービスが動いています。Recv-Qは、サービスがまだacceptしていない接続の数です。",
            normal: "サービスが動いている間ずっと続きます。",
            many: "アドレスとポートごとに1つ(SO_REUSEPORTを使えば複数)が正常です。Recv-Qが0より大きいままなら、サービスの\
                   受け入れが遅すぎます。キューがいっぱいになると、カーネルは新しい接続を捨てます。",
            checks: &[
                "開いているポートはすべて意図したものですか。0.0.0.0と::にはどこからでも接続できます。rnetstat -tlnp でプロセスがわかります。",
                "キューがいっぱいになると、rnetstat -s の \"listen queue of a socket overflowed\" が増えます。キューの長さはlisten()のbacklogで、上限はnet.core.somaxconnです。",
            ],
        },
        State::SynSent => StateText {
            meaning: "こちらからSYNを送り、応答を待っています。",
            client: "connect()の途中です。",
            server: "両端が同時に互いへ接続する場合を除き、現れません。",
            normal: "1往復、つまりミリ秒単位です。応答がなければSYNを再送し、1～2分後にconnect()が失敗します\
                     (net.ipv4.tcp_syn_retries)。",
            many: "SYNに応答がありません。ファイアウォールが黙って捨てている、アドレスが間違っている、または相手のホストが\
                   止まっています。(ホストが動いていて、そのポートを使うプログラムがなければ、すぐに拒否されます。)\
                   誰も知らないプログラムによるものなら、スキャンかもしれません。",
            checks: &[
                "経路上のすべてのファイアウォールとセキュリティグループが、このポートを両方向とも許可していますか。",
                "アドレスと経路は正しい先に向いていますか。 ip route get ADDRESS",
                "どのプロセスですか。 rnetstat -tnp --state syn-sent",
            ],
        },
        State::SynRecv => StateText {
            meaning: "SYNを受け取って応答しましたが、ハンドシェイクの最後の確認応答(ACK)がまだ届いていません。",
            client: "両端が同時に互いへ接続する場合を除き、現れません。",
            server: "半開きの接続です。まだどのプロセスも知らないため、所有者もinode番号もありません。",
            normal: "1往復、つまりミリ秒単位です。確認応答がなければ、約1分間、応答を再送します\
                     (net.ipv4.tcp_synack_retries)。",
            many: "応答が届かないか、無視されています。偽のアドレスを使ったSYNフラッド、または戻りの経路の障害\
                   (非対称ルーティング、ファイアウォール)です。",
            checks: &[
                "互いに異なる多数のリモートアドレスが接続を完了しないなら、フラッドです。net.ipv4.tcp_syncookiesは1にしておくべきです。",
                "知っているアドレスが少数だけなら、戻りの経路が通じているかを調べます。 ip route get ADDRESS",
                "rnetstat -ant --state syn-recv --summary は、リモートアドレスごとに数えます。",
            ],
        },
        State::Established => StateText {
            meaning: "接続が開いています。両端ともデータを送れます。",
            client: "接続済みで、通常の動作中です。",
            server: "接続済みです。まだacceptされていないこともあり、その場合はプロセスがなく、リスナーのRecv-Qに数えられます。",
            normal: "両端が望む限り、ミリ秒から数か月までです。",
            many: "動作中のクライアントと同じ数なら正常です。それより多ければ、接続が返却されていないか、相手が黙って消えて\
                   います。通信がなければ、keepaliveを有効にしない限り(有効なら2時間後、\
                   net.ipv4.tcp_keepalive_time)誰も気づきません。",
            checks: &[
                "Send-Qが長く0より大きい: 相手またはネットワークがデータを受け取れていません。",
                "Recv-Qが長く0より大きい: こちらのプロセスが読んでいません。",
                "プログラムにkeepaliveとタイムアウトがあり、接続プールの大きさに上限がありますか。rnetstat -tno でタイマーがわかります。",
            ],
        },
        State::FinWait1 => StateText {
            meaning: "こちらが先に閉じました。FINを送り、まだ確認応答を受け取っていません。",
            client: "プログラムが接続を閉じました。",
            server: "サービスが接続を閉じました。",
            normal: "Send-Qに残ったデータを送り終えてから1往復です。",
            many: "相手が確認応答を返しません。相手が消えた、ネットワークがパケットを失っている、または相手が読まないために\
                   FINの前のデータが詰まっています。",
            checks: &[
                "Send-Qが0より大きければ、未送信のデータが読み手を待っています。カーネルは数分後にあきらめます(net.ipv4.tcp_orphan_retries)。",
                "リモートアドレスにまだ到達できますか。損失は、rnetstat -s に再送されたセグメント(segments retransmitted)として現れます。",
            ],
        },
        State::FinWait2 => StateText {
            meaning: "こちらが先に閉じ、相手はそれを確認しましたが、相手自身はまだ閉じていません。",
            client: "サーバーが閉じるのを待っています。",
            server: "クライアントが閉じるのを待っています。",
            normal: "ミリ秒単位です。プロセスがソケットを手放していれば、カーネルは60秒待ちます(net.ipv4.tcp_fin_timeout)。\
                     まだ持っていれば(shutdown())、制限はありません。",
            many: "相手が閉じません。相手側では接続がCLOSE_WAITにあり、問題はそちらにあります。",
            checks: &[
                "相手のホストで、CLOSE_WAITと、それを持つプログラムを調べます。",
                "rnetstat -tnp にプロセスが出るなら、そのプログラムはshutdown()の後、最後まで読んで閉じていますか。",
            ],
        },
        State::CloseWait => StateText {
            meaning: "相手は閉じましたが、こちらのプログラムはまだ閉じていません。",
            client: "サーバーが接続を閉じたのに、プログラムが気づいていないか、反応していません。",
            server: "クライアントが接続を閉じたのに、サービスが気づいていないか、反応していません。",
            normal: "プログラムがデータの終わりを読んでclose()を呼ぶまで、ミリ秒単位です。この状態を終わらせるタイマーはありません。",
            many: "プログラムがソケットを閉じずに漏らしています。自然に治ることはなく、最後には \"too many open files\" になります。",
            checks: &[
                "どのプロセスですか。 rnetstat -tnp --state close-wait",
                "問題はそのプログラムにあります。close()のない経路(多くはエラー処理)、止まったスレッド、接続を検査しないプールを探します。",
                "プログラムを再起動すれば次に起きるまではしのげます。カーネルの設定では解決しません。",
            ],
        },
        State::LastAck => StateText {
            meaning: "相手が先に閉じ、こちらも閉じました。こちらのFINの確認応答がまだ届いていません。",
            client: "サーバーが先に閉じ、クライアントが続きました。",
            server: "クライアントが先に閉じ、サービスが続きました。最後の確認応答が届けば、接続は消えます。",
            normal: "1往復です。",
            many: "最後の確認応答が届きません。相手が消えたか、ファイアウォールが接続を早く忘れすぎています。",
            checks: &[
                "経路上に、半分閉じた接続を捨てるファイアウォールやNATがありますか。",
                "カーネルはFINを再送し、1分以上たつとあきらめます(net.ipv4.tcp_orphan_retries)。",
            ],
        },
        State::Closing => StateText {
            meaning: "両端が同時に閉じました。FINが行き違い、こちらのFINの確認応答がまだ届いていません。",
            client: "サーバー側と同じです。",
            server: "クライアント側と同じです。",
            normal: "1往復です。めったに見られません。",
            many: "両端が一斉に閉じるまさにそのとき、たとえば同じタイムアウトに達したときに、確認応答が失われています。",
            checks: &[
                "両端のアイドルタイムアウトが同じではありませんか。一方を長くします。",
                "損失は、rnetstat -s に再送されたセグメント(segments retransmitted)として現れます。",
            ],
        },
        State::TimeWait => StateText {
            meaning: "接続は終わりました。カーネルはアドレスとポートを覚えておき、遅れて届いたセグメントを新しい接続のものと\
                      取り違えないように、また、失われた最後の確認応答を再送できるようにします。",
            client: "普通どおり、クライアントが先に閉じました。",
            server: "サーバーが先に閉じました。その場合、覚えておく負担はサーバーが負います。",
            normal: "Linuxでは60秒で、カーネルに固定されています。net.ipv4.tcp_fin_timeoutでは変わりません。もうプロセスはありません。",
            many: "短い接続が多いということで、たいてい無害です。1つにつき数百バイトしか使いません。限界になるのは、1つの\
                   アドレスとポートに非常に頻繁に接続する側だけです。ローカルポートを使い切ると、connect()が\
                   \"cannot assign requested address\" で失敗します。",
            checks: &[
                "接続を再利用します。HTTPのkeep-alive、データベースの接続プールなどです。",
                "リモートアドレスごとに数えます。 rnetstat -ant --state time-wait --summary",
                "ローカルポートが足りなければ、net.ipv4.ip_local_port_rangeを広げるか、接続する側のホストでnet.ipv4.tcp_tw_reuseを1にします。",
            ],
        },
        State::Unknown => StateText {
            meaning: "カーネルが返した番号は、このプログラムが知るどの状態でもありません。",
            client: "接続そのものについては何も示しません。",
            server: "接続そのものについては何も示しません。",
            normal: "TCPでは現れないはずです。UDPソケットでは、カーネルがUDPにない状態を返したときに表示されます。",
            many: "カーネルがこのプログラムより新しいか、カーネルの出力を読み違えています。",
            checks: &["ss -tan と比べ、両方の出力をカーネルのバージョン(uname -r)とともに報告してください。"],
        },
    }
}
