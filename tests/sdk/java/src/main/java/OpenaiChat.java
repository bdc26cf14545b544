import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.OpenAIServiceException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The official OpenAI SDK for Java before a gateway: Chat Completions and Responses. */
final class OpenaiChat {
    private static final Suite SUITE = new Suite("openai", "anthropic", "http_503");
    private static final OpenAIClient SDK = client(Suite.LADDER);

    private static OpenAIClient client(String address) {
        return OpenAIOkHttpClient.builder().baseUrl(address + "/v1").apiKey("sk-test").maxRetries(0).build();
    }

    private static ChatCompletionCreateParams.Builder asked(String content) {
        return ChatCompletionCreateParams.builder().model("gpt-5").addUserMessage(content);
    }

    private static ChatCompletionCreateParams.Builder withTool(String content) {
        var properties = Map.of("city", Map.of("type", "string"), "days", Map.of("type", "integer"));
        var parameters = FunctionParameters.builder()
                .putAdditionalProperty("type", JsonValue.from("object"))
                .putAdditionalProperty("properties", JsonValue.from(properties))
                .putAdditionalProperty("required", JsonValue.from(List.of("city", "days")))
                .build();
        var function = FunctionDefinition.builder().name("weather").parameters(parameters).build();
        return asked(content).addTool(ChatCompletionFunctionTool.builder().function(function).build());
    }

    private static ChatCompletion send(ChatCompletionCreateParams.Builder question) {
        var answer = SDK.chat().completions().withRawResponse().create(question.build());
        SUITE.note(answer.headers().values("backstop-answer"));
        return answer.parse();
    }

    /** What must be equal, whoever answered. */
    private static List<String> checked(ChatCompletion completion) {
        Suite.require(!completion.id().isEmpty() && completion.choices().size() == 1, "no id or choice");
        var choice = completion.choices().get(0);
        List<String> said = new ArrayList<>();
        said.add(choice.finishReason().toString());
        said.add(choice.message().content().orElse(""));
        choice.message().toolCalls().orElse(List.of()).forEach(call ->
                said.add(call.asFunction().function().name() + call.asFunction().function().arguments()));
        return said;
    }

    private static Object text() {
        var said = checked(send(asked("Tell me about rivers.")));
        Suite.whole(said.get(1));
        return said;
    }

    private static Object accumulated(ChatCompletionCreateParams.Builder question) {
        var sum = ChatCompletionAccumulator.create();
        var answer = SDK.chat().completions().withRawResponse().createStreaming(question.build());
        SUITE.note(answer.headers().values("backstop-answer"));
        try (var stream = answer.parse()) {
            stream.stream().forEach(sum::accumulate);
        }
        return checked(sum.chatCompletion());
    }

    private static Object toolAndResult() {
        var question = withTool("The weather, please.");
        var completion = send(question);
        var message = completion.choices().get(0).message();
        var calls = message.toolCalls().orElse(List.of());
        Suite.require(calls.size() == 1, calls.size() + " calls");
        question.addMessage(message).addMessage(ChatCompletionToolMessageParam.builder()
                .toolCallId(calls.get(0).asFunction().id()).content("sunny").build());
        var said = checked(completion);
        said.addAll(checked(send(question)));
        return said;
    }

    private static ResponseCreateParams response() {
        return ResponseCreateParams.builder().model("gpt-5").input("Tell me about rivers.").build();
    }

    private static String said(Response response) {
        var text = new StringBuilder();
        response.output().stream()
                .flatMap(item -> item.message().stream())
                .flatMap(message -> message.content().stream())
                .flatMap(part -> part.outputText().stream())
                .forEach(part -> text.append(part.text()));
        return Suite.whole(text.toString());
    }

    private static Object wholeResponse() {
        var answer = SDK.responses().withRawResponse().create(response());
        SUITE.note(answer.headers().values("backstop-answer"));
        return said(answer.parse());
    }

    private static Object streamedResponse() {
        var sum = ResponseAccumulator.create();
        var answer = SDK.responses().withRawResponse().createStreaming(response());
        SUITE.note(answer.headers().values("backstop-answer"));
        try (var stream = answer.parse()) {
            stream.stream().forEach(sum::accumulate);
        }
        return said(sum.response());
    }

    private static Object everyTargetDown() throws Exception {
        Suite.behave("openai", "http_503");
        var thrown = Suite.thrownBy(() -> client(Suite.DOWN).chat().completions().create(asked("Hello").build()));
        Suite.require(thrown instanceof OpenAIServiceException refused && refused.statusCode() == 503, thrown.toString());
        return "every target down: " + thrown.getClass().getSimpleName();
    }

    private static Object brokenStream() throws Exception {
        Suite.behave("openai", "reset_mid_body");
        var thrown = Suite.thrownBy(() -> {
            try (var stream = client(Suite.ALONE).chat().completions().createStreaming(asked("Tell me about rivers.").build())) {
                return stream.stream().count();
            }
        });
        return "a broken stream: " + thrown.getClass().getSimpleName();
    }

    private static Object brokenResponse() throws Exception {
        Suite.behave("openai", "reset_mid_body");
        var thrown = Suite.thrownBy(() -> {
            try (var stream = client(Suite.ALONE).responses().createStreaming(response())) {
                return stream.stream().count();
            }
        });
        return "a broken response: " + thrown.getClass().getSimpleName();
    }

    public static void main(String[] arguments) throws Exception {
        var cases = Suite.cases();
        cases.put("text", OpenaiChat::text);
        cases.put("text, streamed and accumulated", () -> accumulated(asked("Tell me about rivers.")));
        cases.put("tool and its result", OpenaiChat::toolAndResult);
        cases.put("tool, streamed and accumulated", () -> accumulated(withTool("The weather, please.")));
        cases.put("response", OpenaiChat::wholeResponse);
        cases.put("response, streamed and accumulated", OpenaiChat::streamedResponse);
        SUITE.both(cases);
        var errors = Suite.cases();
        errors.put("every target down", OpenaiChat::everyTargetDown);
        errors.put("a stream that breaks", OpenaiChat::brokenStream);
        errors.put("a response that breaks", OpenaiChat::brokenResponse);
        SUITE.once(errors);
        SUITE.finish();
    }
}
