import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.SchemaFactory;
import org.kie.dmn.api.core.DMNContext;
import org.kie.dmn.api.core.DMNModel;
import org.kie.dmn.api.core.DMNRuntime;
import org.kie.dmn.core.internal.utils.DMNRuntimeBuilder;
import org.kie.internal.io.ResourceFactory;

/** Evaluates DMN models with Drools: a line {"model", "profiles"} in, a line of outcomes out. */
class Oracle {
  static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
  static final TypeReference<Map<String, Object>> PROFILE = new TypeReference<>() {};
  static final String SCHEMA = "/org/omg/spec/DMN/20191111/DMN13.xsd";

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var schemas = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
    var schema = schemas.newSchema(Oracle.class.getResource(SCHEMA));
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode asked = JSON.readTree(line);
      Object answer;
      try {
        String model = asked.get("model").asText();
        schema.newValidator().validate(new StreamSource(new StringReader(model)));
        answer = Map.of("outcomes", outcomes(model, asked.get("profiles")));
      } catch (Exception error) {
        answer = Map.of("error", String.valueOf(error));
      }
      out.println(JSON.writeValueAsString(answer));
    }
  }

  static List<Object> outcomes(String xml, JsonNode profiles) {
    DMNRuntime runtime = DMNRuntimeBuilder.fromDefaults()
        .buildConfiguration()
        .fromResources(List.of(ResourceFactory.newReaderResource(new StringReader(xml), "UTF-8")))
        .getOrElseThrow(RuntimeException::new);
    DMNModel model = runtime.getModels().get(0);
    if (!model.getMessages().isEmpty()) {
      throw new IllegalArgumentException(model.getMessages().toString());
    }
    List<Object> outcomes = new ArrayList<>();
    for (JsonNode profile : profiles) {
      DMNContext context = runtime.newContext();
      JSON.convertValue(profile, PROFILE).forEach(context::set);
      var result = runtime.evaluateByName(model, context, "outcome");
      outcomes.add(result.getDecisionResultByName("outcome").getResult());
    }
    return outcomes;
  }
}
