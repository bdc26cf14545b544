//! A whole answer → the events its stream would have had.

use backstop_exchange::Event;
use backstop_vocabulary::{Class, Failure, Stage};
use serde_json::value::RawValue;

use super::{StreamReader, errors};
use crate::errors::is_html;

/// Reads the body of a 200: an answer, or all chunks of a stream in one list.
pub(crate) fn read_answer(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    let body = body.trim_ascii();
    read(body, events).map_err(|failure| failure.at(Stage::BeforeContent))
}

fn read(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    if body.is_empty() {
        return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
    }
    if is_html("", body) {
        return Err(Failure::new(Class::BadAnswer, "the provider answered with a web page"));
    }
    let mut reader = StreamReader::new();
    if body.first() == Some(&b'[') {
        let chunks: Vec<&RawValue> = serde_json::from_slice(body).map_err(|_| {
            Failure::new(Class::BadAnswer, "the provider sent an answer that is not valid json")
        })?;
        for chunk in chunks {
            reader.take(chunk.get().as_bytes(), events)?;
        }
    } else {
        if errors::is_flat(body) {
            return Err(errors::inside(body));
        }
        reader.take(body, events)?;
    }
    if !events.iter().any(|event| matches!(event, Event::Start { .. })) {
        return Err(Failure::new(Class::BadAnswer, "the provider's answer has no `candidates`"));
    }
    reader.assume_stop(events)
}

#[cfg(test)]
mod tests {
    use backstop_exchange::Finish;

    use super::*;

    #[test]
    fn an_answer_in_a_list_ends_once_whatever_stands_beside_or_after_it() {
        let said = |index: u32, reason: &str| {
            format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}},"index":{index}{reason}}}]}}"#
            )
        };
        let (begun, ended) = (said(5, ""), said(0, r#","finishReason":"STOP""#));
        for list in [format!("[{begun},{ended}]"), format!("[{ended},{ended}]")] {
            let mut events = Vec::new();
            read_answer(list.as_bytes(), &mut events).unwrap();
            let text = Event::Text("a".to_owned());
            assert_eq!(events.split_off(1), [text, Event::Finish(Finish::End), Event::Done]);
        }
    }
}
