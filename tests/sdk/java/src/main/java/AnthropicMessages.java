import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.ContentBlockParam;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.Tool;
import com.anthropic.models.messages.ToolChoiceAuto;
import com.anthropic.models.messages.ToolChoiceTool;
import com.anthropic.models.messages.ToolResultBlockParam;
import com.anthropic.models.messages.UserMessageParam;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The official Anthropic SDK for Java before a gateway. */
final class AnthropicMessages {
    private static final Suite SUITE = new Suite("anthropic", "openai", "http_529");
    private static final AnthropicClient SDK = client(Suite.LADDER);

    private static AnthropicClient client(String address) {
        return AnthropicOkHttpClient.builder().baseUrl(address).apiKey("sk-test").maxRetries(0).build();
    }

    private static MessageCreateParams.Builder asked(String content) {
        return MessageCreateParams.builder().model("claude-opus-4-8").maxTokens(2048).addUserMessage(content);
    }

    private static MessageCreateParams.Builder withTool(String content) {
        var properties = Tool.InputSchema.Properties.builder()
                .putAdditionalProperty("city", JsonValue.from(Map.of("type", "string")))
                .putAdditionalProperty("days", JsonValue.from(Map.of("type", "integer")))
                .build();
        var schema = Tool.InputSchema.builder()
                .properties(properties)
                .required(List.of("city", "days"))
                .build();
        var tool = Tool.builder().name("weather").description("The weather.").inputSchema(schema).build();
        return asked(content).addTool(tool);
    }

    private static Message send(MessageCreateParams.Builder question) {
        var answer = SDK.messages().withRawResponse().create(question.build());
        SUITE.note(answer.headers().values("backstop-answer"));
        return answer.parse();
    }

    /** What must be equal, whoever answered. */
    private static List<String> checked(Message message) {
        Suite.require(!message.id().isEmpty(), "no id");
        Suite.require(message.usage().inputTokens() > 0 && message.usage().outputTokens() > 0, "no usage");
        List<String> said = new ArrayList<>();
        said.add(message.stopReason().map(Object::toString).orElse("none"));
        for (var block : message.content()) {
            block.text().ifPresent(text -> said.add(text.text()));
            block.toolUse().ifPresent(call -> said.add(call.name() + call._input()));
        }
        return said;
    }

    private static Object text() {
        var said = checked(send(asked("Tell me about rivers.")));
        Suite.whole(said.get(1));
        return said;
    }

    private static Object accumulated(MessageCreateParams.Builder question) {
        var sum = MessageAccumulator.create();
        var answer = SDK.messages().withRawResponse().createStreaming(question.build());
        SUITE.note(answer.headers().values("backstop-answer"));
        try (var stream = answer.parse()) {
            stream.stream().forEach(sum::accumulate);
        }
        return checked(sum.message());
    }

    private static Object toolAndResult() {
        var question = withTool("How is the weather?")
                .toolChoice(ToolChoiceTool.builder().name("weather").build());
        var message = send(question);
        var call = message.content().stream().flatMap(block -> block.toolUse().stream()).findFirst();
        Suite.require(call.isPresent(), "no call");
        var result = ToolResultBlockParam.builder().toolUseId(call.get().id()).content("sunny").build();
        question.addMessage(message)
                .addMessage(UserMessageParam.builder()
                        .contentOfContentBlockParams(List.of(ContentBlockParam.ofToolResult(result)))
                        .build())
                .toolChoice(ToolChoiceAuto.builder().build());
        var said = checked(message);
        said.addAll(checked(send(question)));
        return said;
    }

    private static Object everyTargetDown() throws Exception {
        Suite.behave("anthropic", "http_529");
        var thrown = Suite.thrownBy(() -> client(Suite.DOWN).messages().create(asked("Hello").build()));
        Suite.require(thrown instanceof AnthropicServiceException refused && refused.statusCode() == 529, thrown.toString());
        return "every target down: " + thrown.getClass().getSimpleName();
    }

    private static Object brokenStream() throws Exception {
        Suite.behave("anthropic", "reset_mid_body");
        var thrown = Suite.thrownBy(() -> {
            try (var stream = client(Suite.ALONE).messages().createStreaming(asked("Tell me about rivers.").build())) {
                return stream.stream().count();
            }
        });
        return "a broken stream: " + thrown.getClass().getSimpleName();
    }

    public static void main(String[] arguments) throws Exception {
        var cases = Suite.cases();
        cases.put("text", AnthropicMessages::text);
        cases.put("text, streamed and accumulated", () -> accumulated(asked("Tell me about rivers.")));
        cases.put("tool and its result", AnthropicMessages::toolAndResult);
        cases.put("tool, streamed and accumulated", () -> accumulated(
                withTool("How is the weather?").toolChoice(ToolChoiceTool.builder().name("weather").build())));
        SUITE.both(cases);
        var errors = Suite.cases();
        errors.put("every target down", AnthropicMessages::everyTargetDown);
        errors.put("a stream that breaks", AnthropicMessages::brokenStream);
        SUITE.once(errors);
        SUITE.finish();
    }
}
