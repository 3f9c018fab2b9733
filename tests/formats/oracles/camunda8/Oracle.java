import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.camunda.dmn.DmnEngine;
import scala.jdk.javaapi.CollectionConverters;

/** Evaluates DMN models with dmn-scala, the engine of Camunda 8: a line {"model", "profiles"} in, a line of outcomes out. */
class Oracle {
  static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
  static final TypeReference<Map<String, Object>> PROFILE = new TypeReference<>() {};

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode asked = JSON.readTree(line);
      Object answer;
      try {
        answer = Map.of("outcomes", outcomes(asked.get("model").asText(), asked.get("profiles")));
      } catch (Exception error) {
        answer = Map.of("error", String.valueOf(error));
      }
      out.println(JSON.writeValueAsString(answer));
    }
  }

  static List<Object> outcomes(String xml, JsonNode profiles) {
    var model = new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8));
    DmnEngine engine = new DmnEngine.Builder().build();
    var parsed = engine.parse(model);
    if (parsed.isLeft()) {
      throw new IllegalArgumentException(parsed.left().get().message());
    }
    List<Object> outcomes = new ArrayList<>();
    for (JsonNode profile : profiles) {
      Map<String, Object> answers = JSON.convertValue(profile, PROFILE);
      var result = engine.eval(parsed.right().get(), "outcome", answers);
      if (result.isLeft()) {
        throw new IllegalArgumentException(result.left().get().failure().message());
      }
      outcomes.add(outcome(result.right().get().value()));
    }
    return outcomes;
  }

  /** A context of FEEL as a map of Java; null where there is none. */
  static Object outcome(Object value) {
    return value instanceof scala.collection.Map<?, ?> map ? CollectionConverters.asJava(map) : null;
  }
}
