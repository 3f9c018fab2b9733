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
import org.camunda.bpm.dmn.engine.DmnDecision;
import org.camunda.bpm.dmn.engine.DmnEngine;
import org.camunda.bpm.dmn.engine.DmnEngineConfiguration;

/** Evaluates DMN models with Camunda 7: a line {"model", "profiles"} in, a line of outcomes out. */
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
    DmnEngine engine = DmnEngineConfiguration.createDefaultDmnEngineConfiguration().buildEngine();
    DmnDecision decision = engine.parseDecision("outcome", model);
    List<Object> outcomes = new ArrayList<>();
    for (JsonNode profile : profiles) {
      var result = engine.evaluateDecision(decision, JSON.convertValue(profile, PROFILE));
      outcomes.add(result.isEmpty() ? null : result.getSingleResult().getEntryMap());
    }
    return outcomes;
  }
}
