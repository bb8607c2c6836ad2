//! rnetstat's table of sockets, in the columns of Windows' netstat.

use std::{net::SocketAddr, process};

use anyhow::Result;

use crate::run::{SampleSockets, json, text};

/// The words of the row with this protocol, local and foreign address.
fn row(page: &str, proto: &str, local: SocketAddr, foreign: &str) -> Option<Vec<String>> {
    let words = page.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let is_it = |row: &Vec<String>| {
        row.len() > 2 && row[0] == proto && row[1] == local.to_string() && row[2] == foreign
    };
    words.into_iter().find(is_it)
}

#[test]
fn options_ano_list_a_listener_a_connection_and_udp_with_their_processes() -> Result<()> {
    for (addr, unspecified) in [("127.0.0.1", "0.0.0.0:0"), ("::1", "[::]:0")] {
        let sockets = SampleSockets::new(addr)?;
        let page = text("-ano")?;
        let title = "\nActive Connections\n\n  Proto  Local Address          Foreign Address        State           PID\n";
        assert!(page.starts_with(title), "{page}");
        let (server, client) = (sockets.server, sockets.client);
        let listener = row(&page, "TCP", server, unspecified).expect(&page);
        assert_eq!((listener[3].as_str(), listener.len()), ("LISTENING", 5), "{page}");
        let accepted = row(&page, "TCP", server, &client.to_string()).expect(&page);
        assert_eq!((accepted[3].as_str(), accepted.len()), ("ESTABLISHED", 5), "{page}");
        let connected = row(&page, "TCP", client, &server.to_string()).expect(&page);
        assert_eq!((connected[3].as_str(), connected.len()), ("ESTABLISHED", 5), "{page}");
        if addr == "127.0.0.1" {
            assert_eq!(connected[4], process::id().to_string(), "{page}");
        }
        let datagrams = row(&page, "UDP", sockets.datagrams, "*:*").expect(&page);
        assert_eq!(datagrams.len(), 4, "UDP has no state: {page}");
    }
    Ok(())
}

#[test]
fn without_o_no_process_and_without_a_no_listener_and_no_udp_is_listed() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let (server, client) = (sockets.server, sockets.client);
    let all = text("-an")?;
    assert!(all.lines().nth(3).unwrap().ends_with("State"), "{all}");
    assert_eq!(row(&all, "TCP", server, "0.0.0.0:0").expect(&all).len(), 4);
    assert_eq!(row(&all, "UDP", sockets.datagrams, "*:*").expect(&all).len(), 3);
    let connections = text("-n")?;
    assert!(row(&connections, "TCP", client, &server.to_string()).is_some(), "{connections}");
    assert!(row(&connections, "TCP", server, "0.0.0.0:0").is_none(), "{connections}");
    assert!(!connections.contains("LISTENING") && !connections.contains("UDP"), "{connections}");
    Ok(())
}

#[test]
fn option_p_selects_a_protocol_and_its_family() -> Result<()> {
    let (ipv4, ipv6) = (SampleSockets::new("127.0.0.1")?, SampleSockets::new("::1")?);
    for (protocol, shown) in [
        ("TCP", [true, false, false, false]),
        ("tcpv6", [false, true, false, false]),
        ("UDP", [false, false, true, false]),
        ("UDPv6", [false, false, false, true]),
    ] {
        let page = text(&format!("-an -p {protocol}"))?;
        let found = [
            row(&page, "TCP", ipv4.server, "0.0.0.0:0"),
            row(&page, "TCP", ipv6.server, "[::]:0"),
            row(&page, "UDP", ipv4.datagrams, "*:*"),
            row(&page, "UDP", ipv6.datagrams, "*:*"),
        ];
        assert_eq!(found.map(|row| row.is_some()), shown, "-p {protocol}: {page}");
    }
    Ok(())
}

#[test]
fn without_n_remote_endpoints_have_names_and_local_ones_numbers() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let page = text("-a")?;
    let local = format!("  TCP    {} ", sockets.server);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with(&local)).collect();
    let listener = rows.iter().find(|row| row.contains("LISTENING")).expect(&page);
    assert!(!listener.contains("0.0.0.0:0") && listener.contains(":0 "), "{page}");
    assert!(rows.iter().any(|row| row.contains("ESTABLISHED")), "{page}");
    Ok(())
}

#[test]
fn filters_show_only_matching_sockets() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let port = sockets.server.port();
    let page = text(&format!("-ano --local-port {port} --state listening"))?;
    assert_eq!(page.lines().count(), 5, "{page}");
    assert!(row(&page, "TCP", sockets.server, "0.0.0.0:0").is_some(), "{page}");
    let own = process::id();
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    for owner in [format!("--pid {own}"), format!("--comm {program}")] {
        let page = text(&format!("-ano --port {port} {owner}"))?;
        assert!(row(&page, "TCP", sockets.client, &sockets.server.to_string()).is_some(), "{owner}: {page}");
    }
    let page = text(&format!("-ano --port {port} --comm nobody.exe"))?;
    assert_eq!(page.lines().count(), 4, "{page}");
    Ok(())
}

#[test]
fn json_has_the_same_fields_as_on_linux() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let rows = json(&format!("-ano --port {}", sockets.server.port()))?;
    let listener = rows.iter().find(|row| row["state"] == "LISTEN").unwrap();
    assert_eq!(listener["local_port"], sockets.server.port());
    assert!(listener["remote_addr"].is_null() && listener["inode"].is_null(), "{listener}");
    let connected = rows.iter().find(|row| row["local_port"] == sockets.client.port()).unwrap();
    assert_eq!((&connected["proto"], &connected["state"]), (&"tcp".into(), &"ESTABLISHED".into()));
    assert_eq!(connected["remote_addr"], "127.0.0.1");
    assert_eq!(connected["owners"][0]["pid"], process::id());
    let udp = json(&format!("-an -p UDP --port {}", sockets.datagrams.port()))?;
    assert_eq!((udp.len(), &udp[0]["state"]), (1, &serde_json::Value::Null), "{udp:?}");
    assert!(udp[0]["owners"].is_null(), "{udp:?}");
    Ok(())
}

#[test]
fn a_summary_counts_states_and_addresses() -> Result<()> {
    let sockets = SampleSockets::new("127.0.0.1")?;
    let arguments = format!("-an -p TCP --local-port {} --summary", sockets.server.port());
    let page = text(&arguments)?;
    for line in ["      1 tcp ESTABLISHED", "      1 tcp LISTENING", "      1 127.0.0.1"] {
        assert!(page.lines().any(|shown| shown == line), "{line:?} is missing: {page}");
    }
    assert!(json(&arguments)?.iter().any(|line| line["key"] == "tcp LISTEN" && line["count"] == 1));
    Ok(())
}
