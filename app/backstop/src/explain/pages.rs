//! The pages of `docs/reference/failures/`, inside the binary.

use backstop_vocabulary::Class;

macro_rules! pages {
    ($($code:literal)+) => {
        &[$(($code, include_str!(concat!("../../../../docs/reference/failures/", $code, ".md"))),)+]
    };
}

/// Code and text of every page, in the order of [`Class::ALL`].
const PAGES: &[(&str, &str)] = pages! {
    "dns_failed" "connect_failed" "connect_timeout" "tls_failed" "stale_connection"
    "connection_reset" "protocol_broken"
    "first_token_timeout" "stalled" "target_opened"
    "overloaded" "server_error" "rate_limited" "acceleration" "quota_exhausted" "auth_refused"
    "identity_failed" "model_not_found" "redirected"
    "stream_cut" "bad_answer" "empty_answer"
    "invalid_request" "context_too_long" "request_too_large" "unsupported_feature"
    "media_failed" "signature_refused" "content_refused" "unknown_path" "key_refused" "caller_limited"
    "client_left"
    "no_target" "rung_exhausted" "deadline_passed" "gateway_busy" "loop_detected" "gateway_fault"
};

/// One page, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) class: Class,
    text: &'static str,
}

impl Page {
    /// Every page.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PAGES.iter().filter_map(|(code, text)| Some(Self { class: Class::from_code(code)?, text }))
    }

    /// The page of this class.
    pub(crate) fn of(class: Class) -> Option<Self> {
        Self::all().find(|page| page.class == class)
    }

    /// What it is, in a sentence.
    pub(crate) fn summary(self) -> String {
        let mut paragraphs = self.text.split("\n\n").skip(1);
        joined(paragraphs.next().unwrap_or_default())
    }

    /// Which answers of providers are this, as clauses: `429 slow_down (OpenAI)`.
    pub(crate) fn seen_as(self) -> Vec<String> {
        let from = self.text.split("Seen as: ").nth(1).unwrap_or_default();
        let paragraph = from.split("\n\n").next().unwrap_or_default();
        joined(paragraph).split("; ").map(str::to_owned).collect()
    }

    /// The paragraphs under a heading.
    pub(crate) fn section(self, heading: &str) -> Vec<String> {
        let start = format!("## {heading}\n");
        let from = self.text.split(&*start).nth(1).unwrap_or_default();
        let section = from.split("\n## ").next().unwrap_or_default();
        section.split("\n\n").map(joined).filter(|it| !it.is_empty()).collect()
    }
}

/// Lines as one, without the marks of Markdown.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(['`', '*'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_page_and_every_page_its_parts() {
        let classes: Vec<Class> = Page::all().map(|page| page.class).collect();
        assert_eq!(classes, Class::ALL);
        for page in Page::all() {
            assert!(!page.summary().is_empty() && !page.seen_as().is_empty(), "{}", page.class);
            for heading in ["What it means", "Whose fault", "What Backstop does", "What to do"] {
                assert!(!page.section(heading).is_empty(), "{}: {heading}", page.class);
            }
        }
    }
}
