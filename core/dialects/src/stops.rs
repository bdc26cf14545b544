/// Looks for stop strings in a text that comes in pieces, for targets that cannot.
///
/// What might be the beginning of one is kept back until the next piece tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stops {
    list: Vec<String>,
    kept: String,
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    /// The text that may be shown.
    pub(crate) text: String,
    /// The stop string that was met: nothing after it belongs to the answer.
    pub(crate) met: Option<String>,
}

impl Stops {
    pub(crate) fn new(list: &[String]) -> Self {
        let list = list.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { list, kept: String::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes the next piece. The stop string that is complete first wins, as it does at a provider
    /// that looks after each token; of two that end at one place, the longer.
    pub(crate) fn feed(&mut self, piece: &str) -> Fed {
        self.kept.push_str(piece);
        let ends = self.list.iter().filter_map(|stop| {
            let start = self.kept.find(stop.as_str())?;
            Some((start + stop.len(), start, stop))
        });
        if let Some((_, start, stop)) = ends.min() {
            let met = Some(stop.clone());
            self.kept.truncate(start);
            return Fed { text: std::mem::take(&mut self.kept), met };
        }
        let beginning = self.list.iter().map(|stop| overlap(&self.kept, stop)).max();
        let kept = self.kept.split_off(self.kept.len() - beginning.unwrap_or_default());
        Fed { text: std::mem::replace(&mut self.kept, kept), met: None }
    }

    /// The text that was kept back and turned out to be no stop string.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.kept)
    }
}

/// The length of the longest end of `text` with which `stop` begins, less than all of it.
fn overlap(text: &str, stop: &str) -> usize {
    let lengths = stop.char_indices().map(|(at, _)| at).rev();
    lengths.into_iter().find(|length| text.ends_with(&stop[..*length])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything that is shown of `text`, cut at each `step` letters, and the stop string met.
    fn shown(stops: &[&str], text: &str, step: usize) -> (String, Option<String>) {
        let list: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut stops = Stops::new(&list);
        let (mut shown, letters) = (String::new(), text.chars().collect::<Vec<_>>());
        for piece in letters.chunks(step) {
            let fed = stops.feed(&piece.iter().collect::<String>());
            shown.push_str(&fed.text);
            if fed.met.is_some() {
                return (shown, fed.met);
            }
        }
        shown.push_str(&stops.finish());
        (shown, None)
    }

    #[test]
    fn cuts_before_the_string_however_the_text_is_cut() {
        for step in 1..12 {
            let met = |stops, text| shown(stops, text, step);
            let cut = |text: &str, stop: &str| (text.to_owned(), Some(stop.to_owned()));
            assert_eq!(met(&["END"], "one EN ENDtwo"), cut("one EN ", "END"), "{step}");
            assert_eq!(met(&["\n\n", "\nUser:"], "a\nUser: b\n\n"), cut("a", "\nUser:"), "{step}");
            assert_eq!(met(&["aab"], "aaaab"), cut("aa", "aab"), "{step}");
            assert_eq!(met(&["ß→"], "groß→"), cut("gro", "ß→"), "{step}");
            assert_eq!(met(&["END"], "one EN"), ("one EN".to_owned(), None), "{step}");
        }
    }

    #[test]
    fn keeps_back_no_more_than_could_be_a_beginning() {
        let mut stops = Stops::new(&["STOP".to_owned()]);
        assert_eq!(stops.feed("hello").text, "hello");
        assert_eq!(stops.feed(" ST").text, " ");
        assert_eq!(stops.feed("ART").text, "START");
    }

    proptest! {
        #[test]
        fn shows_what_stands_before_the_string_that_ends_first(
            text in "[ab]{0,40}",
            stops in prop::collection::vec("[ab]{1,4}", 1..3),
            step in 1_usize..5,
        ) {
            let list: Vec<&str> = stops.iter().map(String::as_str).collect();
            let (shown, met) = shown(&list, &text, step);
            let found = |stop: &str| text.find(stop).map(|start| start + stop.len());
            match met {
                None => {
                    prop_assert_eq!(&shown, &text);
                    prop_assert!(list.iter().all(|stop| found(stop).is_none()));
                }
                Some(stop) => prop_assert!(text.starts_with(&(shown + &stop))),
            }
        }
    }
}
