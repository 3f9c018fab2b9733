import advisor.ApiClient;
import advisor.ApiException;
import advisor.ApiResponse;
import advisor.api.AssessmentsApi;
import advisor.api.ChangesApi;
import advisor.api.ExplanationsApi;
import advisor.api.ProblemsApi;
import advisor.api.TreesApi;
import advisor.model.AssessRequest;
import advisor.model.Assessment;
import advisor.model.AssessmentStatus;
import advisor.model.Batch;
import advisor.model.BatchRequest;
import advisor.model.ExplainRequest;
import advisor.model.Explanation;
import advisor.model.InputName;
import advisor.model.Problem;
import advisor.model.ProblemSlug;
import advisor.model.Profile;
import advisor.model.RecommendationId;
import advisor.model.Tree;
import advisor.model.TreeVersion;
import advisor.model.VersionList;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A round trip with the generated client: every operation that answers JSON, and each kind of error. */
public final class RoundTrip {
  private interface Call {
    Object answer() throws ApiException;
  }

  private static final String URL = "http://127.0.0.1:8080";
  private static final Map<String, Object> seen = new LinkedHashMap<>();

  private RoundTrip() {}

  public static void main(String[] arguments) throws ApiException, IOException {
    answers(clientOf(URL));
    errors();
    ObjectMapper mapper = ApiClient.createDefaultObjectMapper();
    mapper.setDefaultPropertyInclusion(JsonInclude.Include.NON_EMPTY); // lists left out were read as empty
    mapper.writeValue(System.out, seen);
  }

  private static ApiClient clientOf(String url) {
    ApiClient client = new ApiClient();
    ObjectMapper mapper = client.getObjectMapper();
    mapper.coercionConfigFor(LogicalType.Textual)
        .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail)
        .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
        .setCoercion(CoercionInputShape.Float, CoercionAction.Fail);
    mapper.coercionConfigFor(LogicalType.Boolean)
        .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
        .setCoercion(CoercionInputShape.String, CoercionAction.Fail);
    mapper.coercionConfigFor(LogicalType.Float).setCoercion(CoercionInputShape.String, CoercionAction.Fail);
    client.setObjectMapper(mapper);
    client.updateBaseUri(url);
    return client;
  }

  private static ApiClient sending(Consumer<HttpRequest.Builder> change) {
    return clientOf(URL).setRequestInterceptor(change);
  }

  private static Profile known() {
    return new Profile().promptEngineeringSufficient(false).knowledgeRetrievalProblem(true);
  }

  private static void answers(ApiClient client) throws ApiException {
    Profile current = known().realTimeDataNeeded(true);
    AssessmentsApi assessments = new AssessmentsApi(client);
    Assessment decided = assessments.assess(new AssessRequest().profile(current));
    check(decided.getStatus() == AssessmentStatus.DECIDED && decided.getRecommendation() != null);
    check(decided.getPath().get(0).getAnswer().getBoolean().equals(false));
    seen.put("decided", decided);
    Assessment undecided = assessments.assess(new AssessRequest().profile(known()));
    check(undecided.getNextQuestion() != null);
    seen.put("undecided", undecided);
    Profile large = new Profile().kbTokens(1_000_000_000_000L);
    AssessRequest wide = new AssessRequest().profile(large).treeVersion(TreeVersion.V2_0_0);
    seen.put("wide", assessments.assess(wide));
    Profile counted = new Profile().rulesSufficient(false).evalExamples(80);
    AssessRequest typed = new AssessRequest().profile(counted).treeVersion(TreeVersion.V2_0_0);
    Assessment step = assessments.assess(typed);
    check(step.getPath().get(step.getPath().size() - 1).getAnswer().getDouble().equals(80.0));
    List<Object> profiles =
        List.of(
            new Profile().realTimeDataNeeded(true), Map.of(), Map.of("real_time_data_needed", "yes"));
    Batch batch = assessments.assessBatch(new BatchRequest().profiles(profiles).defaults(known()));
    check(batch.getResults().get(2).getErrors().size() == 1);
    seen.put("batch", batch);
    explanation(client, current);
    trees(client, TreeVersion.fromValue(decided.getTree().getVersion()));
    seen.put("meaning", new ProblemsApi(client).explainProblem(ProblemSlug.INVALID_REQUEST));
  }

  private static void explanation(ApiClient client, Profile current) throws ApiException {
    ExplainRequest why =
        new ExplainRequest()
            .profile(current)
            .target(RecommendationId.USE_PROMPT_ENGINEERING)
            .frozen(List.of(InputName.KNOWLEDGE_RETRIEVAL_PROBLEM))
            .limit(3);
    Explanation explanation = new ExplanationsApi(client).explain(why);
    check(explanation.getCounterfactuals().get(0).getChanges().get(0).getTo().getBoolean());
    seen.put("explanation", explanation);
  }

  private static void trees(ApiClient client, TreeVersion oldest) throws ApiException {
    TreesApi trees = new TreesApi(client);
    ApiResponse<Tree> first = trees.getTreeWithHttpInfo(null);
    seen.put("tree", first.getData());
    String etag = first.getHeaders().get("etag").get(0);
    seen.put("unchanged", failing(() -> trees.getTree(etag)).getCode());
    VersionList listed = trees.listVersions(null);
    seen.put("versions", listed);
    int last = listed.getVersions().size() - 1;
    TreeVersion newest = TreeVersion.fromValue(listed.getVersions().get(last).getVersion());
    seen.put("version", trees.getVersion(newest, null));
    seen.put("changes", new ChangesApi(client).getChanges(oldest, newest, null));
  }

  private static void errors() throws ApiException, IOException {
    AssessRequest request = new AssessRequest().profile(known());
    ApiClient cutting = sending(one -> one.method("POST", BodyPublishers.ofString("{")));
    refused("400", () -> new AssessmentsApi(cutting).assess(request));
    ApiClient elsewhere = clientOf(URL + "/elsewhere");
    refused("404", () -> new TreesApi(elsewhere).getVersion(TreeVersion.V2_0_0, null));
    ApiClient picky = sending(one -> one.setHeader("Accept", "text/html"));
    refused("406", () -> new AssessmentsApi(picky).assess(request));
    refused("412", () -> new TreesApi(sending(one -> one.header("If-Match", "\"another\""))).getTree(null));
    BatchRequest huge = new BatchRequest().profiles(List.of("x".repeat(9_000_000)));
    refused("413", () -> new AssessmentsApi(clientOf(URL)).assessBatch(huge));
    ApiClient plain = sending(one -> one.setHeader("Content-Type", "text/plain"));
    refused("415", () -> new AssessmentsApi(plain).assess(request));
    AssessRequest negative = new AssessRequest().profile(new Profile().evalExamples(-1));
    Problem invalid = refused("422", () -> new AssessmentsApi(clientOf(URL)).assess(negative));
    check(invalid.getErrors().get(0).getPointer().equals("#/profile/eval_examples"));
  }

  private static Problem refused(String name, Call call) throws IOException {
    ApiException refusal = failing(call);
    Problem problem =
        ApiClient.createDefaultObjectMapper().readValue(refusal.getResponseBody(), Problem.class);
    check(problem.getStatus() == refusal.getCode());
    seen.put(name, problem);
    return problem;
  }

  private static ApiException failing(Call call) {
    try {
      throw new AssertionError(call.answer());
    } catch (ApiException exception) {
      return exception;
    }
  }

  private static void check(boolean holds) {
    if (!holds) {
      throw new AssertionError();
    }
  }
}
