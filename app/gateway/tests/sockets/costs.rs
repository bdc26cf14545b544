//! What answers cost: estimated from their usage, at the price that holds when they are asked for.

use backstop_catalogue::Catalogue;
use backstop_scenarios::Wish;

use crate::client::{Call, forms, item};
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, patient, settings};

/// What the metrics say a target has cost in this currency; 0 where they say nothing.
async fn cost(stage: &Stage, target: &str, currency: &str) -> f64 {
    let told = stage.console().send(&Call::get("/metrics")).await.text();
    let series =
        format!("backstop_cost_estimated_total{{target=\"{target}\",currency=\"{currency}\"}} ");
    let line = told.lines().find_map(|line| line.strip_prefix(&series));
    line.map_or(0.0, |sum| sum.parse().unwrap())
}

#[tokio::test]
async fn an_answer_adds_what_its_usage_costs_at_the_list_price() {
    let providers = Providers::open().await;
    let catalogue = Catalogue::built_in();
    let price = catalogue.model("anthropic", "claude-opus-4-6").unwrap().price().unwrap().clone();
    let yaml = patient(&settings(&[ANTHROPIC, OPENAI], ""));
    let stage = Stage::open(&providers, &yaml);
    let mut asked = 0;
    for (dialect, delivery) in forms() {
        assert_eq!(stage.ask(&item(dialect, delivery, Wish::Text)).await.status, 200);
        asked += 1;
    }
    let rows = stage.rows(asked).await;
    let expected: f64 = rows.iter().map(|row| price.of(&row.usage.unwrap()).unwrap()).sum();
    for row in &rows {
        let micros = price.of(&row.usage.unwrap()).unwrap() * 1e6;
        let kept = row.cost.as_ref().unwrap();
        assert_eq!((format!("{micros:.0}"), &*kept.currency), (kept.micros.to_string(), "USD"));
    }
    let told = cost(&stage, ANTHROPIC, "USD").await;
    assert!(told > 0.0 && (told - expected).abs() < 1e-9, "{told} {expected}");
    assert!(cost(&stage, OPENAI, "USD").await < f64::EPSILON);

    // A new price holds from the reload on, and never mixes with another currency.
    let euros = "catalogue: { models: [{ name: claude-opus-4-6, price: { currency: EUR, input: 0, output: 1000000 } }] }\n";
    stage.reload(&providers, &format!("{euros}{yaml}"));
    let (dialect, delivery) = forms().next().unwrap();
    assert_eq!(stage.ask(&item(dialect, delivery, Wish::Text)).await.status, 200);
    let output = stage.rows(asked + 1).await[0].usage.unwrap().output;
    let told = cost(&stage, ANTHROPIC, "EUR").await;
    assert_eq!(format!("{told}"), output.to_string());
    assert!((cost(&stage, ANTHROPIC, "USD").await - expected).abs() < 1e-9);
}

#[tokio::test]
async fn nothing_is_made_up_where_no_price_is_known() {
    let providers = Providers::open().await;
    let yaml = patient(&settings(&["claude-cloud/claude-opus-4-6"], ""));
    let own = "catalogue: { models: [{ name: claude-opus-4-6, vendor: claude-cloud, price: { currency: EUR } }] }\n";
    let stage = Stage::open(&providers, &format!("{own}{yaml}"));
    let (dialect, delivery) = forms().next().unwrap();
    assert_eq!(stage.ask(&item(dialect, delivery, Wish::Text)).await.status, 200);
    let row = &stage.rows(1).await[0];
    assert!(row.usage.is_some() && row.cost.is_none(), "{row:?}");
    let told = stage.console().send(&Call::get("/metrics")).await.text();
    assert!(!told.contains("cost_estimated_total{"), "{told}");
}
