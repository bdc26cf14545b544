use super::*;

const TWO: &str = r#"{"model":"m","input":["a","b"],"dimensions":2}"#;

#[track_caller]
fn check(request: &str, answer: &str, told: Result<u64, &str>) {
    let asked = VectorRequest::read(VectorForm::Openai, request.as_bytes());
    let read = Vectors::read(VectorForm::Openai, answer.as_bytes())
        .and_then(|vectors| vectors.check(&asked).map(|()| vectors.usage()));
    let read = read.map(|usage| usage.map_or(0, |usage| usage.input()));
    match (read, told) {
        (Ok(tokens), Ok(wanted)) => assert_eq!(tokens, wanted),
        (Err(failure), Err(wanted)) => {
            assert!(failure.message.contains(wanted), "{}", failure.message);
        }
        (read, told) => panic!("{read:?} instead of {told:?}"),
    }
}

fn of(vectors: &str) -> String {
    format!(
        r#"{{"object":"list","data":[{vectors}],"usage":{{"prompt_tokens":7,"total_tokens":7}}}}"#
    )
}

#[test]
fn a_vector_for_each_input_of_the_length_asked_for_is_an_answer() {
    let floats = of(r#"{"embedding":[0.5,-1e-3],"index":0},{"embedding":[1,2],"index":1}"#);
    check(TWO, &floats, Ok(7));
    // Two floats of four bytes each.
    let coded = of(r#"{"embedding":"AAAAPwAAgD8="},{"embedding":"AAAAPwAAgD8="}"#);
    check(TWO, &coded, Ok(7));
    for input in ["\"text\"", "[1,2,3]", "[[1,2,3]]", "[\"text\"]"] {
        check(&format!(r#"{{"input":{input}}}"#), &of(r#"{"embedding":[1]}"#), Ok(7));
    }
    check(r#"{"input":"a"}"#, r#"{"data":[{"embedding":[1]}]}"#, Ok(0));
}

#[test]
fn anything_else_is_a_failure_that_another_host_may_mend() {
    check(TWO, &of(r#"{"embedding":[1,2]}"#), Err("1 vectors for 2 inputs"));
    check(TWO, &of(r#"{"embedding":[1,2]},{"embedding":[1]}"#), Err("different lengths"));
    check(TWO, &of(r#"{"embedding":[1]},{"embedding":[1]}"#), Err("1 dimensions instead of 2"));
    check(TWO, &of(""), Err("without a vector"));
    check(TWO, "", Err("nothing"));
    check(TWO, "<!DOCTYPE html><html></html>", Err("web page"));
    check(TWO, "{\"data\":[{\"embedding\":[1,2", Err("not valid json"));
    check(TWO, r#"{"error":{"message":"no","type":"server_error","code":null}}"#, Err(""));
}

/// Asks in one form, a host of another, and gives the answer back; both as they are on the wire.
#[track_caller]
fn cross(
    (client, asked): (VectorForm, &str),
    (host, sent, said): (VectorForm, &str, &str),
    told: &str,
) {
    let request = VectorRequest::read(client, asked.as_bytes());
    let (body, losses) = request.write(host, "own").unwrap();
    let sent: Value = serde_json::from_str(sent).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), sent);
    assert_eq!(losses.len(), usize::from(asked.contains("\"user\"")));
    let vectors = Vectors::read(host, said.as_bytes()).unwrap();
    vectors.check(&request).unwrap();
    assert_eq!(String::from_utf8(vectors.write(client, &request, "asked")).unwrap(), told);
}

#[test]
fn openais_clients_read_vectors_of_every_host_of_their_model() {
    let (asked, openai) = (r#"{"model":"m","input":["a","b"],"dimensions":2}"#, VectorForm::Openai);
    let told = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,2]},{"object":"embedding","index":1,"embedding":[3,4]}],"model":"asked","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    cross(
        (openai, asked),
        (
            VectorForm::GeminiMany,
            r#"{"requests":[
                {"model":"models/own","content":{"parts":[{"text":"a"}]},"outputDimensionality":2},
                {"model":"models/own","content":{"parts":[{"text":"b"}]},"outputDimensionality":2}]}"#,
            r#"{"embeddings":[{"values":[0.10,2]},{"values":[3,4]}],"usageMetadata":{"promptTokenCount":5}}"#,
        ),
        told,
    );
    cross(
        (openai, asked),
        (
            VectorForm::Predict,
            r#"{"instances":[{"content":"a"},{"content":"b"}],
                "parameters":{"autoTruncate":true,"outputDimensionality":2}}"#,
            r#"{"predictions":[
                {"embeddings":{"values":[0.10,2],"statistics":{"token_count":2,"truncated":false}}},
                {"embeddings":{"values":[3,4],"statistics":{"token_count":3}}}]}"#,
        ),
        told,
    );
    let one = r#"{"model":"m","input":"a","user":"u","encoding_format":"base64"}"#;
    let coded = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgD8="}],"model":"asked","usage":{"prompt_tokens":3,"total_tokens":3}}"#;
    let said = r#"{"embedding":[0.5,1],"inputTextTokenCount":3}"#;
    cross((openai, one), (VectorForm::Titan, r#"{"inputText":"a"}"#, said), coded);
    let typed = r#"{"model":"m","input":["a"],"input_type":"search_query"}"#;
    let told = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"asked","usage":{"prompt_tokens":0,"total_tokens":0}}"#;
    for said in [r#"{"embeddings":{"float":[[1]]}}"#, r#"{"embeddings":[[1]]}"#] {
        let sent = r#"{"texts":["a"],"input_type":"search_query","embedding_types":["float"]}"#;
        cross((openai, typed), (VectorForm::Cohere, sent, said), told);
    }
}

#[test]
fn geminis_clients_read_vectors_of_every_host_of_their_model() {
    let one =
        r#"{"content":{"parts":[{"text":"a"}]},"task_type":"RETRIEVAL_DOCUMENT","title":"t"}"#;
    cross(
        (VectorForm::GeminiOne, one),
        (
            VectorForm::Predict,
            r#"{"instances":[{"content":"a","task_type":"RETRIEVAL_DOCUMENT","title":"t"}],
                "parameters":{"autoTruncate":true}}"#,
            r#"{"predictions":[{"embeddings":{"values":[1]}}]}"#,
        ),
        r#"{"embedding":{"values":[1]}}"#,
    );
    let many = r#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]}}]}"#;
    cross(
        (VectorForm::GeminiMany, many),
        (
            VectorForm::Openai,
            r#"{"model":"own","input":["a","b"],"encoding_format":"float"}"#,
            // A host that codes what nobody asked it to.
            &of(r#"{"embedding":"AAAAPwAAgD8="},{"embedding":[1,2]}"#),
        ),
        r#"{"embeddings":[{"values":[0.5,1.0]},{"values":[1,2]}],"usageMetadata":{"promptTokenCount":7}}"#,
    );
}

#[test]
fn what_would_change_the_vectors_is_never_left_out() {
    let lacks = |client, asked: &str, host, what: &str| {
        let told = VectorRequest::read(client, asked.as_bytes()).write(host, "m").unwrap_err();
        assert_eq!(told.class, Class::UnsupportedFeature);
        assert_eq!(&*told.message, what);
    };
    let (openai, gemini) = (VectorForm::Openai, VectorForm::GeminiOne);
    let batch = VectorForm::GeminiMany;
    lacks(openai, r#"{"input":[1,2]}"#, batch, "lacks tokens as input for vectors");
    lacks(openai, r#"{"input":["a","b"]}"#, VectorForm::Titan, "lacks several inputs at once");
    lacks(openai, r#"{"input":["a","b"]}"#, gemini, "lacks several inputs at once");
    lacks(openai, r#"{"input":"a","truncate":true}"#, batch, "lacks truncate for vectors");
    lacks(openai, r#"{"input":"a","input_type":"x"}"#, batch, "lacks input_type");
    let untyped = "lacks vectors of texts without an input_type";
    lacks(openai, r#"{"input":"a"}"#, VectorForm::Cohere, untyped);
    lacks(openai, "no json", batch, "lacks this input for vectors");
    let tasked = r#"{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}"#;
    lacks(gemini, tasked, openai, "lacks tasks and titles of texts");
    let picture = r#"{"content":{"parts":[{"inlineData":{}}]}}"#;
    lacks(gemini, picture, VectorForm::Predict, "lacks anything but text for vectors");
    let mixed = r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"outputDimensionality":1},
        {"content":{"parts":[{"text":"a"}]}}]}"#;
    lacks(batch, mixed, openai, "lacks vectors of different lengths for vectors");
}
