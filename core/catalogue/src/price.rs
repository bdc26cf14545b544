use backstop_vocabulary::Usage;
use serde::{Deserialize, Serialize};

/// Tokens that a price is for.
const MILLION: f64 = 1e6;

/// The currency a price without one is in.
const USUAL_CURRENCY: &str = "USD";

/// What a model costs per million tokens, as its vendor lists it.
///
/// A list price: discounts, service tiers, batches, storage of caches and tools that are billed by
/// the call are not in it, so whatever is computed from it is an estimate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The currency, three letters; US dollars when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// A million input tokens that no cache holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<f64>,
    /// A million output tokens, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<f64>,
    /// A million input tokens read from a prompt cache; like `input` when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// A million input tokens written to a prompt cache (for five minutes, where the time matters);
    /// like `input` when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// What the whole request costs when its input is longer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongPrice>,
}

/// The price of requests with a long input: it holds for all tokens of such a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    /// The largest input, in tokens, that is still billed at the ordinary price.
    pub above_tokens: u64,
    /// A million input tokens.
    pub input: f64,
    /// A million output tokens.
    pub output: f64,
    /// A million input tokens read from a cache; like `input` when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
}

impl Price {
    /// The currency, three letters.
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or(USUAL_CURRENCY)
    }

    /// What this much usage costs, in the currency; `None` where a price that is needed is not known.
    pub fn of(&self, usage: &Usage) -> Option<f64> {
        let count = |tokens: u64| f64::from(u32::try_from(tokens).unwrap_or(u32::MAX));
        let part = |tokens: u64, price: Option<f64>| match (tokens, price) {
            (0, _) => Some(0.0),
            (tokens, price) => Some(count(tokens) * price?),
        };
        let long = self.long.as_ref().filter(|long| usage.input() > long.above_tokens);
        let (input, output, cached, write) = match long {
            Some(long) => (Some(long.input), Some(long.output), long.cached_input, None),
            None => (self.input, self.output, self.cached_input, self.cache_write),
        };
        let sum = part(usage.input_uncached, input)?
            + part(usage.cache_read, cached.or(input))?
            + part(usage.cache_write, write.or(input))?
            + part(usage.output, output)?;
        Some(sum / MILLION)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self { currency: self.currency.clone(), ..Self::default() }
    }

    /// These prices, with what another source says laid over them.
    ///
    /// A price in another currency replaces them all: sums must not mix.
    #[must_use]
    pub fn under(&self, over: &Self) -> Self {
        if self.currency() != over.currency() {
            return over.clone();
        }
        Self {
            currency: over.currency.clone().or_else(|| self.currency.clone()),
            input: over.input.or(self.input),
            output: over.output.or(self.output),
            cached_input: over.cached_input.or(self.cached_input),
            cache_write: over.cache_write.or(self.cache_write),
            long: over.long.clone().or_else(|| self.long.clone()),
        }
    }

    /// The prices that can be told apart, by name; absent ones are left out.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let parts = [
            ("price.input", self.input),
            ("price.output", self.output),
            ("price.cached_input", self.cached_input),
            ("price.cache_write", self.cache_write),
        ];
        parts.into_iter().filter_map(|(name, price)| Some((name, price?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, read: u64, write: u64, output: u64) -> Usage {
        Usage {
            input_uncached: input,
            cache_read: read,
            cache_write: write,
            output,
            ..Usage::default()
        }
    }

    fn price() -> Price {
        Price {
            input: Some(2.0),
            output: Some(10.0),
            cached_input: Some(0.2),
            cache_write: Some(2.5),
            long: Some(LongPrice {
                above_tokens: 272_000,
                input: 4.0,
                output: 15.0,
                cached_input: None,
            }),
            ..Price::default()
        }
    }

    #[test]
    fn adds_each_kind_of_token_at_its_own_price() {
        let sum = price().of(&usage(100_000, 50_000, 20_000, 10_000)).unwrap();
        assert!((sum - (0.2 + 0.01 + 0.05 + 0.1)).abs() < 1e-9, "{sum}");
        assert_eq!(price().of(&Usage::default()), Some(0.0));
    }

    #[test]
    fn bills_a_whole_long_request_at_the_long_price() {
        let at = |input| price().of(&usage(input, 0, 0, 1_000_000)).unwrap();
        assert!((at(272_000) - (0.544 + 10.0)).abs() < 1e-9);
        assert!((at(272_001) - (1.088_004 + 15.0)).abs() < 1e-9);
    }

    #[test]
    fn says_nothing_where_a_price_that_is_needed_is_missing() {
        let input_only = Price { input: Some(0.02), ..Price::default() };
        assert!(input_only.of(&usage(1000, 0, 0, 0)).is_some());
        assert_eq!(input_only.of(&usage(1000, 0, 0, 1)), None);
        assert_eq!(Price::default().of(&usage(1, 0, 0, 0)), None);
    }

    #[test]
    fn never_mixes_two_currencies() {
        let euros =
            Price { currency: Some("EUR".to_owned()), input: Some(1.0), ..Price::default() };
        assert_eq!(price().under(&euros), euros);
        let cheaper = Price { input: Some(1.0), ..Price::default() };
        assert_eq!(price().under(&cheaper).output, Some(10.0));
        assert_eq!(price().under(&cheaper).input, Some(1.0));
    }
}
