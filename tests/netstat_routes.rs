//! rnetstat's routes compared with those of `ip route`: types, every next hop, gateways of the other family, sources.

#![cfg(target_os = "linux")]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child,
    netns::{Namespace, ip, veth_pair},
    netstat::{matches_netstat, objects, rnetstat, text},
    skip,
};
use serde_json::{Value, json};

fn links() -> Result<()> {
    veth_pair(b"d0", b"e0")?;
    veth_pair(b"d1", b"e1")?;
    ip("addr add 10.1.0.1/24 dev d0")?;
    ip("addr add 10.2.0.1/24 dev d1")
}

/// The routes of iproute2, of the tables that rnetstat shows.
fn expected(family: &str, table: &str) -> Result<Vec<Value>> {
    let arguments = ["-j", family, "route", "show", "table", table];
    let output = child::output(Command::new("ip").args(arguments))?;
    ensure!(output.status.success(), "ip {arguments:?}: {output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A route in iproute2's JSON, in the form of ours.
fn translated(route: &Value, any: &str) -> Value {
    let address =
        |value: &Value| value.as_str().map(|text| text.split('/').next().unwrap_or(text).to_owned());
    let destination = match route["dst"].as_str() {
        Some("default") | None => any.to_owned(),
        Some(destination) => address(&json!(destination)).unwrap_or_default(),
    };
    let gateway = |hop: &Value| match &hop["via"]["host"] {
        Value::Null => hop["gateway"].clone(),
        via => via.clone(),
    };
    let hop = |hop: &Value| json!([gateway(hop), hop["dev"], hop["weight"].as_u64().unwrap_or(1)]);
    let kind = route["type"].as_str().unwrap_or("unicast");
    let discards = ["blackhole", "unreachable", "prohibit", "throw"].contains(&kind);
    let hops = match route["nexthops"].as_array() {
        Some(hops) => hops.iter().map(hop).collect(),
        None if discards => Vec::new(),
        None => vec![hop(route)],
    };
    json!([destination, kind, hops, address(&route["from"]), route["metric"].as_u64().unwrap_or(0)])
}

/// The same of a route of rnetstat.
fn ours(route: &Value) -> Value {
    let hop = |hop: &Value| json!([hop["gateway"], hop["interface"], hop["weight"]]);
    let hops: Option<Vec<_>> = route["next_hops"].as_array().map(|hops| hops.iter().map(hop).collect());
    json!([route["destination"], route["type"], hops, route["source"], route["metric"]])
}

fn sorted(mut routes: Vec<Value>) -> Vec<Value> {
    routes.sort_by_key(Value::to_string);
    routes
}

/// Compares the routes of a family; those of IPv6 without the local table, whose routes iproute2 shows in other words.
fn compare(flags: &str, family: &str, any: &str) -> Result<Vec<Value>> {
    let routes = objects(&[flags])?;
    let main: Vec<_> = routes.iter().filter(|route| route["table"] == 254).cloned().collect();
    let theirs = sorted(expected(family, "main")?.iter().map(|route| translated(route, any)).collect());
    let ours = sorted(main.iter().map(ours).collect());
    ensure!(ours == theirs, "{flags}\nours:     {ours:#?}\niproute2: {theirs:#?}");
    Ok(main)
}

fn find<'a>(routes: &'a [Value], destination: &str) -> Result<&'a Value> {
    routes.iter().find(|route| route["destination"] == destination).context(destination.to_owned())
}

#[test]
fn json_has_what_the_columns_of_ipv4_routes_can_t_say() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        links()?;
        for route in [
            "20.0.0.0/8 via inet6 fe80::1 dev d0",
            "21.0.0.0/8 nexthop via 10.1.0.9 weight 3 nexthop via inet6 fe80::2 dev d1",
            "blackhole 22.0.0.0/8",
            "throw 23.0.0.0/8 metric 7",
            "unreachable 24.0.0.0/8",
            "prohibit 25.0.0.1/32",
            "26.0.0.0/8 via 10.1.0.3 window 1000 rtt 80 advmss 1400",
            "default dev d1 metric 4294967295",
        ] {
            ip(&format!("route add {route}"))?;
        }
        let routes = compare("-rn", "-4", "0.0.0.0")?;
        let plain = find(&routes, "20.0.0.0")?;
        ensure!(plain["gateway"] == "fe80::1" && plain["mss"].is_null(), "{plain}");
        ensure!(plain["window"].is_null() && plain["irtt"].is_null(), "{plain}");
        let tuned = find(&routes, "26.0.0.0")?;
        ensure!(tuned["mss"] == 1440 && tuned["window"] == 1000 && tuned["irtt"] == 10, "{tuned}");
        let blackhole = find(&routes, "22.0.0.0")?;
        ensure!(blackhole["interface"].is_null() && blackhole["gateway"].is_null(), "{blackhole}");
        for flags in ["-rn", "-rne", "-rnee"] {
            matches_netstat(&[flags])?;
        }
        Ok(())
    })
}

#[test]
fn json_has_what_the_columns_of_ipv6_routes_can_t_say() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        links()?;
        for route in [
            "2001:db8:1::/48 via fe80::5 dev d0",
            "2001:db8:2::/48 nexthop via fe80::5 dev d0 nexthop via fe80::6 dev d1 weight 2",
            "blackhole 2001:db8:3::/48",
            "prohibit 2001:db8:4::/48",
            "default via fe80::7 dev d1 metric 9",
            "2001:db8:5::/48 via fe80::5 dev d0 window 1000 rtt 80 advmss 1400",
        ] {
            ip(&format!("-6 route add {route}"))?;
        }
        matches_netstat(&["-rn6"])?;
        let routes = compare("-rn6", "-6", "::")?;
        let tuned = find(&routes, "2001:db8:5::")?;
        ensure!(tuned["mss"] == 1440 && tuned["window"] == 1000 && tuned["irtt"] == 10, "{tuned}");
        let plain = find(&routes, "2001:db8:1::")?;
        ensure!(["mss", "window", "irtt"].iter().all(|name| plain[name].is_null()), "{plain}");
        let several = find(&routes, "2001:db8:2::")?;
        ensure!(several["next_hops"].as_array().is_some_and(|hops| hops.len() == 2), "{several}");
        let text = text(&mut rnetstat(&["-rn6"])?)?;
        ensure!(text.matches("2001:db8:2::/48").count() == 2, "a row for each next hop: {text}");
        Ok(())
    })
}

#[test]
fn routes_for_packets_from_one_network_can_be_told_apart() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        links()?;
        let add =
            |source: &str| ip(&format!("-6 route add 2001:db8:1::/48 from {source} via fe80::5 dev d0"));
        if skip::without("a kernel with source-specific routes", add("2001:db8:a::/48").is_ok()) {
            return Ok(());
        }
        add("2001:db8:b::/47")?;
        let routes = compare("-rn6", "-6", "::")?;
        let mut sources: Vec<_> = routes
            .iter()
            .filter(|route| route["destination"] == "2001:db8:1::")
            .map(|route| format!("{}/{}", route["source"], route["source_prefix_len"]))
            .collect();
        sources.sort();
        ensure!(sources == ["\"2001:db8:a::\"/47", "\"2001:db8:a::\"/48"], "{sources:?}");
        matches_netstat(&["-rn6"])
    })
}

#[test]
fn routes_for_packets_of_one_type_of_service_can_be_told_apart() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        links()?;
        for tos in ["0x10", "0x08"] {
            ip(&format!("route add 20.1.0.0/16 tos {tos} via 10.1.0.7"))?;
        }
        let routes = objects(&["-rn"])?;
        let of = |destination: &str| -> Vec<&Value> {
            let routes = routes.iter().filter(|route| route["destination"] == destination);
            routes.map(|route| &route["tos"]).collect()
        };
        ensure!(of("20.1.0.0") == [&json!(0x10), &json!(8)], "{routes:?}");
        ensure!(of("10.1.0.0") == [&json!(0)], "{routes:?}");
        matches_netstat(&["-rn"])
    })
}

#[test]
fn the_next_hops_of_nexthop_objects_are_resolved() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let netns = Namespace::new()?;
    netns.run(links)?;
    netns.run(|| {
        ip("nexthop add id 1 via 10.1.0.7 dev d0")?;
        ip("nexthop add id 2 via 10.2.0.7 dev d1")?;
        ip("nexthop add id 3 group 1,5/2")?;
        ip("nexthop add id 4 blackhole")?;
        ip("route add 26.0.0.0/8 nhid 3")?;
        ip("route add 27.0.0.0/8 nhid 4")?;
        ip("route add 28.0.0.0/8 nhid 1")?;
        ip("-6 nexthop add id 5 via fe80::7 dev d0")?;
        ip("-6 nexthop add id 6 blackhole")?;
        ip("-6 route add 2001:db8:1::/48 nhid 5")?;
        ip("-6 route add 2001:db8:2::/48 nhid 6")
    })?;
    // Without the compatible mode, a route has only the id of its object.
    for mode in ["1", "0"] {
        netns.sysctl("ipv4/nexthop_compat_mode", mode)?;
        netns.run(|| {
            let routes = objects(&["-rn"])?;
            for (destination, id, kind, hops) in [
                ("26.0.0.0", 3, "unicast", json!([["10.1.0.7", "d0", 5], ["10.2.0.7", "d1", 1]])),
                ("27.0.0.0", 4, "blackhole", json!([])),
                ("28.0.0.0", 1, "unicast", json!([["10.1.0.7", "d0", 1]])),
            ] {
                let route = find(&routes, destination)?;
                let expected = json!([destination, kind, hops, null, 0]);
                ensure!(ours(route) == expected && route["nexthop_id"] == id, "mode {mode}: {route}");
            }
            let routes = objects(&["-rn6"])?;
            for (destination, id, kind, hops) in [
                ("2001:db8:1::", 5, "unicast", json!([["fe80::7", "d0", 1]])),
                ("2001:db8:2::", 6, "blackhole", json!([])),
            ] {
                let route = find(&routes, destination)?;
                let expected = json!([destination, kind, hops, null, 1024]);
                ensure!(ours(route) == expected && route["nexthop_id"] == id, "mode {mode}: {route}");
            }
            for flags in ["-rn", "-rn6"] {
                matches_netstat(&[flags])?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
