import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;

/** What the programs share: the two situations, what is asserted of every answer, one line per case. */
final class Suite {
    static final String LADDER = System.getenv("LADDER");
    static final String ALONE = System.getenv("ALONE");
    static final String DOWN = System.getenv("DOWN");
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final String own;
    private final String other;
    private final String symptom;
    private final List<String> answeredBy = new ArrayList<>();
    private int failures;

    Suite(String own, String other, String symptom) {
        this.own = own;
        this.other = other;
        this.symptom = symptom;
    }

    /** Called with the header `backstop-answer` of every answer. */
    void note(List<String> answer) {
        answeredBy.add(answer.isEmpty() ? "" : answer.get(0));
    }

    /** Every case with the own provider healthy, then with it dead. */
    void both(Map<String, Callable<Object>> cases) throws Exception {
        behave();
        Map<String, Object> first = new HashMap<>();
        for (var test : cases.entrySet()) {
            first.put(test.getKey(), line("own dialect", test.getKey(), () -> once(own, test.getValue())));
        }
        behave(own, symptom);
        for (var test : cases.entrySet()) {
            line("other dialect", test.getKey(), () -> {
                Object result = once(other, test.getValue());
                Object expected = first.get(test.getKey());
                require(expected == null || Objects.equals(result, expected), result + " is not " + expected);
                return result;
            });
        }
        behave();
    }

    /** Cases that have one situation only; what they return is shown. */
    void once(Map<String, Callable<Object>> cases) {
        cases.forEach((name, test) -> System.out.println("        " + line("error", name, test)));
    }

    void finish() throws Exception {
        behave();
        System.exit(failures > 0 ? 1 : 0);
    }

    private Object once(String provider, Callable<Object> test) throws Exception {
        answeredBy.clear();
        Object result = test.call();
        require(!answeredBy.isEmpty(), "no answer was seen");
        for (String answer : answeredBy) {
            require(answer.startsWith("target=" + provider + "/"), "answered by " + answer);
        }
        return result;
    }

    private Object line(String situation, String name, Callable<Object> run) {
        try {
            Object result = run.call();
            System.out.printf("ok      %-14s %s%n", situation, name);
            return result;
        } catch (Exception | AssertionError failure) {
            failures++;
            System.out.printf("FAILED  %-14s %s%n        %s%n", situation, name, failure);
            return null;
        }
    }

    /** From now on nothing is wrong. */
    static void behave() throws Exception {
        put("[]");
    }

    /** From now on this provider does this, and nothing else is wrong. */
    static void behave(String provider, String symptom) throws Exception {
        put("[{\"provider\":\"" + provider + "\",\"symptom\":\"" + symptom + "\"}]");
    }

    private static void put(String faults) throws Exception {
        var address = URI.create(System.getenv("SIMULATOR") + "/simulator/behaviour");
        var request = HttpRequest.newBuilder(address)
                .header("content-type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(faults))
                .build();
        var answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        require(answer.statusCode() < 300, "the simulator: " + answer.body());
    }

    /** What an SDK throws; nothing is a failure of the case. */
    static Exception thrownBy(Callable<?> act) {
        Object result;
        try {
            result = act.call();
        } catch (Exception thrown) {
            return thrown;
        }
        throw new AssertionError("ended normally with " + result);
    }

    static void require(boolean is, String what) {
        if (!is) {
            throw new AssertionError(what);
        }
    }

    /** A simulated free text ends with a digest of what is before it. */
    static String whole(String text) {
        require(text.contains("The end is #") && text.endsWith("."), "not whole: " + text);
        return text;
    }

    static Map<String, Callable<Object>> cases() {
        return new LinkedHashMap<>();
    }
}
