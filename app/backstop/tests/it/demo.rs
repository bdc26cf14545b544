//! `backstop demo`, at its shortest.

use serde_json::Value;

use crate::support::Backstop;

#[test]
fn the_demo_counts_every_request_of_every_way_to_cope() {
    let output = Backstop::new(&["demo", "--json", "--phase-seconds", "1"]).finish(b"");
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["scenario"], "2026-03-02");
    let totals = report["totals"].as_object().unwrap();
    let names: Vec<&String> = totals.keys().collect();
    assert_eq!(names, ["direct", "sdk_retries", "naive", "backstop"]);
    let of = |name: &str, what: &str| totals[name][what].as_u64().unwrap();
    let all = of("backstop", "requests");
    assert!(all > 100, "{said}");
    for name in names {
        assert_eq!(of(name, "requests"), all, "{name} lived through other days");
        assert_eq!(of(name, "answered") + of(name, "failed"), all, "{name}");
    }
    assert!(of("direct", "failed") > of("backstop", "failed"));
    assert!(totals["backstop"]["upstream_amplification"].is_number());
    let phases = report["phases"].as_array().unwrap();
    assert!(phases.iter().any(|phase| phase["name"] == "Opus 4.6"));
    // The exit status is the promise, kept or not.
    let kept = report["kept"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!kept)));
}

#[test]
fn a_demo_plays_one_severity() {
    let output = Backstop::new(&["demo", "--severity", "sweep"]).finish(b"");
    assert_eq!(output.status.code(), Some(2));
}
