use super::*;

/// Twenty joins of 100 ms, and so many that never got what they should.
fn joins(missing: usize) -> Vec<Join> {
    let at = |ms: u64| Some(ms * 1_000_000);
    let join = Join {
        began: at(1_000),
        dtls: at(1_050),
        first_packet: at(1_100),
        first_frame: at(1_100),
        ..Join::default()
    };
    let lacking = Join {
        first_packet: None,
        first_frame: None,
        lacks_packet: true,
        lacks_picture: true,
        ..join
    };
    [vec![join; 20], vec![lacking; missing]].concat()
}

fn report(missing: usize) -> Report {
    let scenario = Scenario::named("seminar8").unwrap();
    let total = Measured { silent_slots: missing as u64, ..Measured::default() };
    let outcome = Outcome { joins: joins(missing), total, ..Outcome::default() };
    Report::new(&scenario, "preau", &outcome)
}

fn verdict<'a>(report: &'a Report, name: &str) -> &'a Verdict {
    report.limits.iter().find(|verdict| verdict.name == name).unwrap()
}

#[test]
fn whoever_never_got_a_picture_counts_as_infinitely_late() {
    let good = report(0);
    assert!(verdict(&good, "first_frame_p95_ms").holds);
    assert!(verdict(&good, "silent_slots").holds, "a limit of none stands in every scenario");
    assert_eq!(good.joins.all_in_ms, Some(100.0));
    let bad = report(2);
    assert_eq!(bad.step_p95_ms("first picture"), Some(f64::INFINITY));
    assert!(!verdict(&bad, "first_frame_p95_ms").holds);
    assert!(!verdict(&bad, "silent_slots").holds);
    assert_eq!(bad.joins.all_in_ms, Some(f64::INFINITY));
    let told = "2 of 22 joins never got their first picture: they count as infinitely late";
    assert!(bad.warnings.iter().any(|warning| warning == told), "{:?}", bad.warnings);
}

#[test]
fn every_form_of_the_report_says_what_never_came() {
    let bad = report(2);
    let terminal = terminal::render(&bad);
    assert!(terminal.contains("first_frame_p95_ms     never (limit 800)"), "{terminal}");
    assert!(terminal.contains("BROKEN silent_slots           2.000 (limit 0)"), "{terminal}");
    let page = html::render(&bad, &[]);
    assert!(page.contains("silent slots<td>0<td>2.000") && !page.contains(">inf"), "{page}");
    let cases = junit::render(&bad);
    assert!(cases.contains("name=\"silent_slots\"><failure message=\"2.000, allowed 0\"/>"));
    let json: serde_json::Value = serde_json::from_str(&json::render(&bad)).unwrap();
    assert_eq!(json["silent_slots"], 2);
    let steps = json["joins"]["steps"].as_array().unwrap();
    let picture = steps.iter().find(|step| step["name"] == "first picture").unwrap();
    assert_eq!((&picture["p95_ms"], &picture["missing"]), (&serde_json::Value::Null, &2.into()));
}
