//! rnetstat's other modes: routes, counters and explanations.

use std::{collections::BTreeMap, process::Command};

use anyhow::Result;

use crate::run::{SampleSockets, json, rnetstat, text};

/// Runs the system's own netstat.
fn system_netstat(argument: &str) -> Result<String> {
    let output = Command::new("netstat").arg(argument).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

/// The numbers in each line of a section, by the text before them.
fn numbers(page: &str, title: &str) -> BTreeMap<String, Vec<u64>> {
    let lines = page.lines().skip_while(|line| line.trim() != title).skip(2);
    let line = |line: &str| {
        let begin = line.find(|c: char| c.is_ascii_digit())?;
        let numbers = line[begin..].split_whitespace().filter_map(|word| word.parse().ok()).collect();
        Some((line[..begin].trim().to_owned(), numbers))
    };
    lines
        .take_while(|line| !line.ends_with("Statistics") && !line.contains(" for IP"))
        .filter_map(line)
        .collect()
}

/// Compares the counters of a section with those that the system's netstat prints before and after: counters only
/// grow.
fn agree(argument: &str, title: &str) -> Result<()> {
    let before = numbers(&system_netstat(argument)?, title);
    let ours = numbers(&text(argument)?, title);
    let after = numbers(&system_netstat(argument)?, title);
    assert!(before.len() > 3, "the system's netstat {argument} shows no {title}");
    for (name, least) in &before {
        let (Some(shown), Some(most)) = (ours.get(name), after.get(name)) else {
            panic!("{name} is missing under {title}: {ours:?}");
        };
        // The number of current connections is not a counter.
        if name.starts_with("Current") {
            continue;
        }
        assert!(least <= shown && shown <= most, "{name}: {least:?} <= {shown:?} <= {most:?}");
    }
    Ok(())
}

#[test]
fn option_s_prints_the_counters_that_the_system_s_netstat_prints() -> Result<()> {
    let _sockets = SampleSockets::new("127.0.0.1")?;
    agree("-s", "TCP Statistics for IPv4")?;
    agree("-s", "UDP Statistics for IPv4")?;
    let page = text("-s")?;
    for title in ["IPv4 Statistics", "ICMPv4 Statistics", "TCP Statistics for IPv6"] {
        assert!(page.contains(&format!("\n{title}\n\n")), "{title} is missing: {page}");
    }
    assert!(page.contains("\n  Packets Received                   = "), "{page}");
    let only = text("-s -p udp")?;
    assert!(only.starts_with("\nUDP Statistics for IPv4\n\n  Datagrams Received    = "), "{only}");
    assert_eq!(only.matches("Statistics").count(), 1, "{only}");
    Ok(())
}

#[test]
fn option_s_names_json_counters_as_snmp_does() -> Result<()> {
    let groups = json("-s")?;
    let tcp = groups.iter().find(|group| group["group"] == "Tcp").unwrap();
    assert!(tcp["counters"]["InSegs"].as_u64().is_some(), "{tcp}");
    let icmp = groups.iter().find(|group| group["group"] == "Icmp").unwrap();
    assert!(icmp["counters"]["OutEchos"].as_u64().is_some(), "{icmp}");
    Ok(())
}

#[test]
fn option_e_prints_the_counters_that_the_system_s_netstat_prints() -> Result<()> {
    agree("-e", "Interface Statistics")?;
    let page = text("-e")?;
    assert!(
        page.starts_with("Interface Statistics\n\n                           Received            Sent\n\n")
    );
    let line = json("-e")?;
    assert!(line[0]["received"]["bytes"].as_u64().is_some() && line[0]["unknown_protocols"].is_u64());
    Ok(())
}

#[test]
fn option_r_prints_interfaces_and_the_routes_of_both_families() -> Result<()> {
    let page = text("-r")?;
    for part in [
        "Interface List\n",
        "\nIPv4 Route Table\n",
        "\nNetwork Destination        Netmask          Gateway       Interface  Metric\n",
        "\nIPv6 Route Table\n",
        "\n If Metric Network Destination      Gateway\n",
    ] {
        assert!(page.contains(part), "{part:?} is missing: {page}");
    }
    for route in json("-r")? {
        let (destination, metric) = (route["destination"].as_str().unwrap(), route["metric"].to_string());
        assert!(
            page.lines().any(|line| line.contains(destination) && line.contains(&metric)),
            "{route} is not in {page}"
        );
    }
    Ok(())
}

#[test]
fn explain_accepts_windows_names_of_states() -> Result<()> {
    let page = text("explain SYN_RECEIVED --lang en")?;
    assert!(page.starts_with("SYN_RECV\n") && page.contains("Windows has its own"), "{page}");
    assert!(text("explain --lang en")?.contains("LISTEN"));
    let (korean, japanese) = (text("explain close-wait --lang ko")?, text("explain close-wait --lang ja")?);
    assert!(korean.contains("CLOSE_WAIT") && japanese.contains("CLOSE_WAIT") && korean != japanese);
    assert_eq!(json("explain last-ack")?[0]["state"], "LAST_ACK");
    Ok(())
}

#[test]
fn explain_counts_the_host_s_sockets() -> Result<()> {
    let _sockets = SampleSockets::new("127.0.0.1")?;
    let states = json("explain")?;
    let listen = states.iter().find(|state| state["state"] == "LISTEN").unwrap();
    assert!(listen["count"].as_u64().unwrap() > 0, "{listen}");
    Ok(())
}

#[test]
fn help_lists_the_options_of_windows() -> Result<()> {
    let help = text("--help")?;
    for option in ["-a ", "-n ", "-o ", "-p <PROTO>", "-r ", "-s ", "-e ", "[INTERVAL]"] {
        assert!(help.contains(option), "{option} is missing: {help}");
    }
    for option in ["--user", "--netns", "--unix", "--inet", "-W"] {
        assert!(!help.contains(option), "{option} is not for Windows: {help}");
    }
    assert!(rnetstat("--version")?.status.success());
    Ok(())
}
