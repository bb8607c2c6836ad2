//! rnetstat and interfaces whose names are any bytes that the kernel takes.

#![cfg(target_os = "linux")]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netstat_events::text::to_bytes;
use netstat_tests::{
    child,
    netns::{Namespace, ip, ip_bytes, veth_pair},
    netstat::{objects, rnetstat, text},
    skip, wait,
};
use serde_json::Value;

/// Names that are not UTF-8, have Unicode's spaces and line breaks, control a terminal, or look like other things.
const NAMES: [&[u8]; 12] = [
    b"ab\xffcd",
    "eth0\u{2003}A".as_bytes(),
    "a\u{85}b".as_bytes(),
    "c\u{2028}d".as_bytes(),
    b"\x1b[2Jx",
    b"\x01\x7f",
    b"\xe2\x80",
    b"*,\"\\'",
    b"back\\xff",
    "\u{202e}gnp".as_bytes(),
    "서버0".as_bytes(),
    b"=1+1",
];

fn pairs() -> Result<()> {
    NAMES.chunks_exact(2).try_for_each(|pair| veth_pair(pair[0], pair[1]))
}

/// What is not safe to show: every byte below a space except line breaks, and Unicode's controls.
fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n')
        || ('\u{2000}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
}

#[test]
fn every_interface_is_shown_whatever_its_name_is() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        pairs()?;
        let interfaces = objects(&["-ia"])?;
        ensure!(interfaces.len() == NAMES.len() + 1, "not all and lo: {interfaces:?}");
        let named = |interface: &Value| interface["name"].as_str().map(to_bytes).unwrap_or_default();
        for name in NAMES {
            let interface = interfaces.iter().find(|interface| named(interface) == name);
            let interface = interface.with_context(|| format!("{:?} is not there", name.escape_ascii()))?;
            ensure!(interface["up"] == true && interface["mtu"] == 1500, "{interface}");
        }
        for flags in ["-i", "-ia", "-rn6", "-rn", "-r6"] {
            // The kernel adds routes of link-local addresses for some seconds.
            wait::until(&format!("netstat {flags} has as many lines"), || {
                let output = rnetstat(&[flags])?.output()?;
                ensure!(output.status.success() && output.stderr.is_empty(), "{flags}: {output:?}");
                let shown = String::from_utf8(output.stdout)?;
                ensure!(!shown.contains(is_harmful), "{flags}: {shown:?}");
                let theirs = child::output(Command::new("netstat").arg(flags).env("LC_ALL", "C"))?.stdout;
                let rows = theirs.iter().filter(|byte| **byte == b'\n').count();
                Ok((shown.lines().count() == rows).then_some(()))
            })?;
        }
        Ok(())
    })
}

#[test]
fn a_name_makes_no_route_appear_or_disappear() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        pairs()?;
        let spaced = "eth0\u{2003}A".as_bytes();
        for (number, name) in NAMES.iter().enumerate() {
            let address = format!("11.0.{number}.2/24");
            ip_bytes(&[b"addr", b"add", address.as_bytes(), b"dev", name])?;
        }
        ip("route add default via 11.0.1.1")?;
        let routes = objects(&["-rn"])?;
        let mut destinations: Vec<_> = routes.iter().map(|route| route["destination"].to_string()).collect();
        destinations.sort();
        let mut expected: Vec<_> = (0..NAMES.len()).map(|number| format!("\"11.0.{number}.0\"")).collect();
        expected.push("\"0.0.0.0\"".to_owned());
        expected.sort();
        ensure!(destinations == expected, "{destinations:?}");
        let default = routes.iter().find(|route| route["prefix_len"] == 0).context("no default route")?;
        ensure!(default["interface"].as_str().map(to_bytes).as_deref() == Some(spaced), "{default}");
        let shown = text(&mut rnetstat(&["-rn"])?)?;
        ensure!(shown.lines().count() == 2 + expected.len(), "{shown}");
        ensure!(shown.contains("UG        0 0          0 eth0\\u{2003}A\n"), "{shown}");
        Ok(())
    })
}

/// Each index has an MTU of its own and a number of received bytes that nothing changes any more; the names change.
#[test]
fn counters_belong_to_the_interface_whose_name_they_are_shown_with() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Namespace::new()?.run(|| {
        veth_pair(b"v0", b"v1")?;
        ip("addr add 10.5.0.1/24 dev v0")?;
        let sent = std::net::UdpSocket::bind("10.5.0.1:0")?;
        ip("neigh add 10.5.0.2 lladdr 02:00:00:00:00:01 dev v0")?;
        for _ in 0..50 {
            sent.send_to(&[0; 100], "10.5.0.2:9")?;
        }
        for link in ["v0", "v1"] {
            ip(&format!("link set {link} down"))?;
        }
        ip("link set v0 mtu 1400")?;
        let facts = || -> Result<Vec<[Value; 4]>> {
            let interfaces = objects(&["-ia"])?.into_iter().filter(|interface| interface["name"] != "lo");
            let mut facts: Vec<_> = interfaces
                .map(|mut interface| {
                    [
                        interface["index"].take(),
                        interface["mtu"].take(),
                        interface["received"].take(),
                        interface["sent"].take(),
                    ]
                })
                .collect();
            facts.sort_by_key(|fact| fact[0].as_u64());
            Ok(facts)
        };
        let expected = facts()?;
        ensure!(expected.len() == 2 && expected[0][2] != expected[1][2], "not two links: {expected:?}");
        std::thread::scope(|scope| {
            let swaps = scope.spawn(|| {
                let swap = || {
                    ip("link set v0 name v2")
                        .and_then(|()| ip("link set v1 name v0"))
                        .and_then(|()| ip("link set v2 name v1"))
                };
                (0..40).try_for_each(|_| swap())
            });
            while !swaps.is_finished() {
                ensure!(facts()? == expected, "counters of the other interface");
            }
            swaps.join().map_err(|_| anyhow::anyhow!("the thread that swaps panicked"))?
        })
    })
}
