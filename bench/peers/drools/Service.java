import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import org.kie.dmn.api.core.DMNContext;
import org.kie.dmn.api.core.DMNModel;
import org.kie.dmn.api.core.DMNRuntime;
import org.kie.dmn.core.internal.utils.DMNRuntimeBuilder;
import org.kie.internal.io.ResourceFactory;

/** Drools behind the JDK's HTTP server: POST a profile, or a list of them, and get its outcome, or theirs. */
class Service {
  static final ObjectMapper JSON = new ObjectMapper();
  static final TypeReference<Map<String, Object>> PROFILE = new TypeReference<>() {};
  static DMNRuntime runtime;
  static DMNModel model;

  public static void main(String[] arguments) throws Exception {
    String xml = Files.readString(Path.of(arguments[0]));
    runtime = DMNRuntimeBuilder.fromDefaults()
        .buildConfiguration()
        .fromResources(List.of(ResourceFactory.newReaderResource(new StringReader(xml), "UTF-8")))
        .getOrElseThrow(RuntimeException::new);
    model = runtime.getModels().get(0);
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[1]));
    var server = HttpServer.create(address, 128);
    server.createContext("/healthz", exchange -> answer(exchange, "ok".getBytes()));
    server.createContext("/evaluate", Service::evaluate);
    server.setExecutor(Executors.newFixedThreadPool(32));
    server.start();
  }

  static void evaluate(HttpExchange exchange) throws IOException {
    JsonNode asked = JSON.readTree(exchange.getRequestBody());
    Object found;
    if (asked.isArray()) {
      List<Object> outcomes = new ArrayList<>();
      asked.forEach(profile -> outcomes.add(outcome(profile)));
      found = outcomes;
    } else {
      found = outcome(asked);
    }
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    answer(exchange, JSON.writeValueAsBytes(found));
  }

  static Object outcome(JsonNode profile) {
    DMNContext context = runtime.newContext();
    JSON.convertValue(profile, PROFILE).forEach(context::set);
    var result = runtime.evaluateByName(model, context, "outcome");
    return result.getDecisionResultByName("outcome").getResult();
  }

  static void answer(HttpExchange exchange, byte[] body) throws IOException {
    exchange.sendResponseHeaders(200, body.length);
    try (var out = exchange.getResponseBody()) {
      out.write(body);
    }
  }
}
