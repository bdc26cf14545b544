use std::time::Duration;

use crate::{Demo, Direct, Evidence, Kind, Scenario, Severity, oracle, play};

const FILES: &[(&str, &str)] = &[
    ("2023-11-28", include_str!("../../../../scenarios/2023-11-28.yaml")),
    ("2024-12-04", include_str!("../../../../scenarios/2024-12-04.yaml")),
    ("2024-12-12", include_str!("../../../../scenarios/2024-12-12.yaml")),
    ("2025-06-12", include_str!("../../../../scenarios/2025-06-12.yaml")),
    ("2025-11-18", include_str!("../../../../scenarios/2025-11-18.yaml")),
    ("2026-03-02", include_str!("../../../../scenarios/2026-03-02.yaml")),
    ("2026-06-16", include_str!("../../../../scenarios/2026-06-16.yaml")),
    ("healthy", include_str!("../../../../scenarios/healthy.yaml")),
    ("vendor-down-12h", include_str!("../../../../scenarios/vendor-down-12h.yaml")),
];

fn file(name: &str) -> Scenario {
    let (_, text) = FILES.iter().find(|(known, _)| *known == name).unwrap();
    Scenario::read(text).unwrap()
}

#[test]
fn every_file_can_be_read_and_gives_ten_thousand_requests() {
    for (name, text) in FILES {
        let scenario = Scenario::read(text).unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        assert_eq!(scenario.name, *name);
        let requests = scenario.workload.requests_per_second * scenario.length.as_secs_f64();
        assert!(requests >= 10_000.0, "{name}: {requests}");
        assert!(scenario.phases.iter().all(|phase| !phase.source.is_empty()), "{name}");
        let shares = scenario.phases.iter().map(|phase| phase.share);
        assert!(shares.into_iter().all(|it| it.low <= it.mid && it.mid <= it.high), "{name}");
    }
}

#[test]
fn the_files_say_what_the_records_say() {
    let march = file("2026-03-02");
    assert_eq!((march.kind, march.phases.len()), (Kind::Independent, 14));
    let first = &march.phases[0];
    assert_eq!(first.from, Duration::from_secs(11 * 3600 + 37 * 60));
    assert!(march.phases.iter().all(|phase| phase.evidence == Evidence::Estimated));
    assert_eq!(file("2025-11-18").kind, Kind::Correlated);
    assert_eq!(file("2024-12-12").kind, Kind::Correlated);
    let wave = &file("2025-11-18").phases[0];
    let at =
        |minutes: u64| wave.share_at(wave.from + Duration::from_secs(60 * minutes), Severity::High);
    assert_eq!(
        [at(0), at(2), at(3), at(4), at(5)].map(|it| it > 0.5),
        [true, true, false, false, true]
    );
    let ramp = &file("2024-12-12").phases[0];
    let half = ramp.share_at(ramp.from + Duration::from_secs(600), Severity::Mid);
    assert!((half - 0.475).abs() < 0.01, "{half}");
}

#[test]
fn segments_cover_the_timeline_without_gaps() {
    for (name, _) in FILES {
        let scenario = file(name);
        let segments = scenario.segments();
        assert_eq!(segments[0].from, Duration::ZERO, "{name}");
        assert_eq!(segments[segments.len() - 1].to, scenario.length, "{name}");
        assert!(segments.windows(2).all(|two| two[0].to == two[1].from), "{name}");
    }
}

#[test]
fn the_demo_of_march_takes_about_two_and_a_half_minutes() {
    let march = file("2026-03-02");
    let (short, lengths) = march.shortened(Demo { quiet: Duration::from_secs(4) });
    assert!((140..165).contains(&short.length.as_secs()), "{:?}", short.length);
    assert_eq!(short.segments().len(), lengths.len());
    assert_eq!(lengths.iter().sum::<Duration>(), march.length);
    assert_eq!(
        short.segments().iter().map(|it| &it.name).collect::<Vec<_>>(),
        march.segments().iter().map(|it| &it.name).collect::<Vec<_>>()
    );
}

fn healthy() -> &'static str {
    FILES.iter().find(|(name, _)| *name == "healthy").map_or("", |(_, text)| text)
}

#[test]
fn names_every_error_with_its_line() {
    let text = healthy()
        .replace("kind: independent", "kind: both")
        .replace("length: 6h", "length: 6")
        .replace("local/qwen3", "nobody/qwen3");
    let errors = Scenario::read(&text).unwrap_err();
    let lines: Vec<u64> = errors.iter().map(|error| error.line).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    for (line, error) in lines.iter().zip(&errors) {
        let at = text.lines().nth(usize::try_from(*line).unwrap() - 1).unwrap();
        assert!(at.contains("both") || at.contains('6') || at.contains("nobody"), "{error}: {at}");
    }
    let (_, cloud) = FILES.iter().find(|(name, _)| *name == "2025-06-12").unwrap();
    let nowhere = cloud.replace("login: google-tokens", "login: vertex");
    let errors = Scenario::read(&nowhere).unwrap_err();
    assert!(errors[0].message.contains("no provider `vertex` gives `tokens`"), "{errors:?}");
    let mute = cloud.replace("    tokens: 1h ", "    # ");
    let errors = Scenario::read(&mute).unwrap_err();
    assert!(errors.iter().any(|error| error.message.contains("needs a `dialect`")), "{errors:?}");
    let unknown = healthy().replace("seed: 1", "sede: 1");
    assert_eq!(Scenario::read(&unknown).unwrap_err()[0].line, 6);
}

#[test]
fn the_oracle_answers_all_of_an_independent_outage_and_the_client_alone_does_not() {
    let mut scenario = file("vendor-down-12h");
    scenario.workload.requests_per_second = 0.2;
    let direct = play(&scenario, Severity::High, 1, &mut Direct).total();
    let best = oracle(&scenario, Severity::High, 1).total();
    assert!(direct.answered_share() < 0.16, "{direct:?}");
    assert!(best.answered_share() > 0.9999, "{best:?}");
    assert_eq!(direct.requests, best.requests);
    assert_eq!(direct.requests, direct.answered + direct.failed);
}
