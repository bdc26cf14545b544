import com.google.genai.Client;
import com.google.genai.errors.ApiException;
import com.google.genai.types.ClientOptions;
import com.google.genai.types.Content;
import com.google.genai.types.FunctionCallingConfig;
import com.google.genai.types.FunctionDeclaration;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.GetModelConfig;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.genai.types.ListModelsConfig;
import com.google.genai.types.Part;
import com.google.genai.types.Schema;
import com.google.genai.types.ThinkingConfig;
import com.google.genai.types.Tool;
import com.google.genai.types.ToolConfig;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import okhttp3.OkHttpClient;

/** The official Google Gen AI SDK for Java before a gateway. */
public final class Gemini {
    private static final String MODEL = "gemini-3.5-flash";
    private static final String ABOUT = "Tell me about rivers.";
    private static final String WISH = "The weather, please.";
    private static final GenerateContentConfig PLAIN = GenerateContentConfig.builder().build();
    private static final Map<String, Object> WEATHER = Map.of(
            "type", "object",
            "properties", Map.of("city", Map.of("type", "string"), "days", Map.of("type", "integer")),
            "required", List.of("city", "days"));
    private static final Suite SUITE = new Suite("gemini", "anthropic", "http_503");
    private static final Client SDK = client(Suite.LADDER);
    private static final List<String> CALLED = new ArrayList<>();

    private static Client client(String address) {
        var noting = new OkHttpClient.Builder().addInterceptor(chain -> {
            var answer = chain.proceed(chain.request());
            SUITE.note(answer.headers("backstop-answer"));
            return answer;
        }).build();
        // By itself it tries five times, for up to a minute.
        var once = HttpRetryOptions.builder().attempts(1).build();
        return Client.builder().apiKey("test")
                .clientOptions(ClientOptions.builder().customHttpClient(noting).build())
                .httpOptions(HttpOptions.builder().baseUrl(address).retryOptions(once).build())
                .build();
    }

    private static GenerateContentConfig.Builder withTool(String mode) {
        var weather = FunctionDeclaration.builder()
                .name("weather").description("The weather.").parametersJsonSchema(WEATHER).build();
        var calling = FunctionCallingConfig.builder().mode(mode).build();
        return GenerateContentConfig.builder()
                .tools(Tool.builder().functionDeclarations(weather).build())
                .toolConfig(ToolConfig.builder().functionCallingConfig(calling).build());
    }

    private static GenerateContentResponse generate(List<Content> contents, GenerateContentConfig config) {
        return SDK.models.generateContent(MODEL, contents, config);
    }

    private static List<Content> asked(String content) {
        return new ArrayList<>(List.of(Content.builder().role("user").parts(Part.fromText(content)).build()));
    }

    /** What must be equal, whoever answered. */
    private static List<String> checked(GenerateContentResponse response) {
        Suite.require(response.responseId().isPresent() && response.modelVersion().isPresent(), "no id or model");
        Suite.require(response.candidates().orElseThrow().size() == 1, "not one candidate");
        Suite.require(response.usageMetadata().orElseThrow().totalTokenCount().orElse(0) > 0, "no usage");
        List<String> said = new ArrayList<>();
        said.add(response.finishReason().toString());
        said.add(textOf(response.parts()));
        said.addAll(callsOf(response.parts()));
        return said;
    }

    private static String textOf(List<Part> parts) {
        var text = new StringBuilder();
        parts.forEach(part -> text.append(part.text().orElse("")));
        return text.toString();
    }

    private static List<String> callsOf(List<Part> parts) {
        return parts.stream().flatMap(part -> part.functionCall().stream())
                .map(call -> call.name().orElseThrow() + new java.util.TreeMap<>(call.args().orElseThrow()))
                .toList();
    }

    private static Object text() {
        var said = checked(generate(asked(ABOUT), PLAIN));
        Suite.whole(said.get(1));
        return said;
    }

    /** Joins the chunks of a stream, as the SDK has nothing that does; the last reason is added to `said`. */
    private static Content streamed(List<Content> contents, GenerateContentConfig config, List<String> said) {
        List<Part> parts = new ArrayList<>();
        var ids = new HashSet<String>();
        try (var chunks = SDK.models.generateContentStream(MODEL, contents, config)) {
            for (var chunk : chunks) {
                ids.add(chunk.responseId().orElseThrow());
                parts.addAll(chunk.parts());
                chunk.candidates().orElseThrow().get(0).finishReason().ifPresent(it -> said.add(it.toString()));
            }
        }
        Suite.require(ids.size() == 1 && said.equals(List.of("STOP")), ids + " " + said);
        return Content.builder().role("model").parts(parts).build();
    }

    private static Object streamedText() {
        var parts = streamed(asked(ABOUT), PLAIN, new ArrayList<>()).parts().orElseThrow();
        Suite.require(parts.size() > 1, parts.size() + " parts");
        return Suite.whole(textOf(parts));
    }

    private static Object chat() {
        var talk = SDK.chats.create(MODEL);
        var first = talk.sendMessage(ABOUT).text();
        var second = new StringBuilder();
        for (var chunk : talk.sendMessageStream("And about the sea?")) {
            second.append(textOf(chunk.parts()));
        }
        var third = talk.sendMessage("And about hills?").text();
        Suite.require(talk.getHistory(true).size() >= 6, talk.getHistory(true).size() + " turns");
        return List.of(Suite.whole(first), Suite.whole(second.toString()), Suite.whole(third));
    }

    /** Sends the conversation on: what came back, and the result of the call. */
    private static List<String> answered(Content content) {
        var calls = content.parts().orElseThrow().stream().flatMap(part -> part.functionCall().stream()).toList();
        Suite.require(calls.size() == 1, calls.size() + " calls");
        var contents = asked(WISH);
        contents.add(content);
        var result = Part.fromFunctionResponse(calls.get(0).name().orElseThrow(), Map.of("output", "sunny"));
        contents.add(Content.builder().role("user").parts(result).build());
        return checked(generate(contents, withTool("AUTO").build()));
    }

    private static Object toolAndResult() {
        var response = generate(asked(WISH), withTool("ANY").build());
        var said = checked(response);
        said.addAll(answered(response.candidates().orElseThrow().get(0).content().orElseThrow()));
        return said;
    }

    private static Object streamedTool() {
        List<String> said = new ArrayList<>();
        var content = streamed(asked(WISH), withTool("ANY").build(), said);
        said.addAll(callsOf(content.parts().orElseThrow()));
        said.addAll(answered(content));
        return said;
    }

    /** What the SDK calls by itself. */
    public static String weather(String city, Integer days) {
        CALLED.add(city + days);
        return "sunny";
    }

    private static Object automatic() throws Exception {
        CALLED.clear();
        var method = Gemini.class.getMethod("weather", String.class, Integer.class);
        var tools = Tool.builder().functions(method).build();
        var response = generate(asked(WISH), GenerateContentConfig.builder().tools(tools).build());
        Suite.require(CALLED.size() == 1, "called " + CALLED);
        var said = checked(response);
        said.addAll(CALLED);
        return said;
    }

    private static Object found(GenerateContentConfig.Builder config) {
        var text = generate(asked(ABOUT), config.responseMimeType("application/json").build()).text();
        Suite.require(text.contains("\"city\"") && text.contains("\"days\""), text);
        return text;
    }

    private static Object typedSchema() {
        return found(GenerateContentConfig.builder().responseSchema(Schema.builder().type("OBJECT")
                .properties(Map.of("city", Schema.builder().type("STRING").build(),
                        "days", Schema.builder().type("INTEGER").build()))
                .required("city", "days").build()));
    }

    private static Object limits() {
        return checked(generate(asked(ABOUT), GenerateContentConfig.builder()
                .systemInstruction(Content.fromParts(Part.fromText("You are a poet.")))
                .temperature(0.5f).maxOutputTokens(4096)
                .thinkingConfig(ThinkingConfig.builder().includeThoughts(true).thinkingLevel("LOW").build())
                .build()));
    }

    private static Object counted() {
        int tokens = SDK.models.countTokens(MODEL, ABOUT, null).totalTokens().orElseThrow();
        Suite.require(tokens > 0, tokens + " tokens");
        return "counted: " + tokens + " tokens";
    }

    private static Object countedElsewhere() throws Exception {
        Suite.behave("gemini", "http_503");
        var said = counted();
        Suite.behave();
        return "of a dead provider, " + said;
    }

    private static Object listed() {
        var names = 0;
        for (var model : SDK.models.list(ListModelsConfig.builder().build())) {
            Suite.require(model.name().orElseThrow().startsWith("models/"), "named " + model.name());
            names++;
        }
        var one = SDK.models.get("gemini-2.5-pro", GetModelConfig.builder().build());
        Suite.require(one.inputTokenLimit().orElse(0) > 0 && names > 1, names + " models, and " + one);
        return names + " models listed";
    }

    private static Object refused(String symptom, int code, String status) throws Exception {
        Suite.behave("gemini", symptom);
        var thrown = Suite.thrownBy(() -> client(Suite.DOWN).models.generateContent(MODEL, ABOUT, PLAIN));
        Suite.behave();
        Suite.require(thrown instanceof ApiException refused && refused.code() == code
                && refused.status().equals(status), thrown.toString());
        return symptom + ": " + thrown.getClass().getSimpleName() + ", " + thrown.getMessage();
    }

    private static Object brokenStream() throws Exception {
        Suite.behave("gemini", "reset_mid_body");
        var text = new StringBuilder();
        var thrown = Suite.thrownBy(() -> {
            for (var chunk : client(Suite.ALONE).models.generateContentStream(MODEL, ABOUT, PLAIN)) {
                text.append(textOf(chunk.parts()));
            }
            return text;
        });
        Suite.behave();
        Suite.require(text.length() > 0, "nothing came before " + thrown);
        return "a broken stream: " + thrown.getClass().getSimpleName() + ", " + thrown.getMessage();
    }

    public static void main(String[] arguments) throws Exception {
        var cases = Suite.cases();
        cases.put("text", Gemini::text);
        cases.put("text, streamed", Gemini::streamedText);
        cases.put("chat, three turns, the second streamed", Gemini::chat);
        cases.put("tool and its result", Gemini::toolAndResult);
        cases.put("tool, streamed; its result", Gemini::streamedTool);
        cases.put("automatic function calling", Gemini::automatic);
        cases.put("responseJsonSchema", () -> found(GenerateContentConfig.builder().responseJsonSchema(WEATHER)));
        cases.put("responseSchema", Gemini::typedSchema);
        cases.put("system instruction, limits, thinking", Gemini::limits);
        SUITE.both(cases);
        var beside = Suite.cases();
        beside.put("tokens counted by the provider", Gemini::counted);
        beside.put("tokens estimated", Gemini::countedElsewhere);
        beside.put("models listed", Gemini::listed);
        beside.put("every target down", () -> refused("http_503", 503, "UNAVAILABLE"));
        beside.put("limited", () -> refused("rate_limit", 429, "RESOURCE_EXHAUSTED"));
        beside.put("a stream that breaks", Gemini::brokenStream);
        SUITE.once(beside);
        SUITE.finish();
    }
}
