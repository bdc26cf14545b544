//! Whole answers that are fetched as streams: their silence is noticed, and their client sees one
//! whole answer of its own dialect.

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;

use crate::checks::Checks;
use crate::client::item;
use crate::stage::{Providers, Stage, ladder, pairs, provider_of};

#[tokio::test]
async fn a_whole_answer_fetched_as_a_stream_is_whole_and_its_silence_is_noticed() {
    let mut checks = Checks::default();
    for (symptom, attempts) in [("", 1), ("silence_mid_stream", 2), ("cut_stream", 2)] {
        for (first, second) in pairs() {
            for (dialect, wish) in Dialect::ALL.into_iter().zip([Wish::Text, Wish::Tools]) {
                let what = format!("`{symptom}` at {first:?}, then {second:?}, for {dialect:?}");
                checks.add(what, async move {
                    let providers = Providers::open().await;
                    if !symptom.is_empty() {
                        providers.fail(provider_of(first), symptom);
                    }
                    let yaml = ladder(first, second, "    delivery: whole\n");
                    let stage = Stage::open(&providers, &yaml);
                    let item = item(dialect, Delivery::Unary, wish);
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "");
                    assert_eq!(got.header("content-type"), "application/json");
                    assert_eq!(stage.rows(1).await[0].attempts.len(), attempts);
                    stage.assert_idle("").await;
                });
            }
        }
    }
    checks.pass_quickly().await;
}
