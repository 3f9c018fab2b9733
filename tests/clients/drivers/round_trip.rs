//! A round trip with the generated client: every operation that answers JSON, and each kind of error.

use advisor::apis::assessments_api::{assess, assess_batch};
use advisor::apis::changes_api::get_changes;
use advisor::apis::configuration::Configuration;
use advisor::apis::explanations_api::explain;
use advisor::apis::problems_api::explain_problem;
use advisor::apis::trees_api::{get_tree, get_version, list_versions};
use advisor::apis::Error;
use advisor::models::{
    Answer, AssessRequest, BatchRequest, ExplainRequest, InputName, Problem, ProblemSlug, Profile,
    RecommendationId, TreeVersion,
};
use reqwest::blocking::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{json, to_value, Map, Value};

const URL: &str = "http://127.0.0.1:8080";

fn at(url: &str) -> Configuration {
    Configuration { base_path: url.to_owned(), ..Configuration::default() }
}

fn sending(name: &'static str, value: &'static str) -> Configuration {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    let client = Client::builder().default_headers(headers).build().unwrap();
    Configuration { client, ..at(URL) }
}

fn known() -> Profile {
    Profile {
        prompt_engineering_sufficient: Some(false),
        knowledge_retrieval_problem: Some(true),
        ..Profile::default()
    }
}

fn request(profile: Profile) -> AssessRequest {
    AssessRequest::new(profile)
}

fn problem<A: std::fmt::Debug, T: std::fmt::Debug>(answer: Result<A, Error<T>>) -> Problem {
    match answer {
        Err(Error::ResponseError(refused)) => {
            let problem: Problem = serde_json::from_str(&refused.content).unwrap();
            assert_eq!(problem.status, i32::from(refused.status.as_u16()));
            problem
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn answers(seen: &mut Map<String, Value>) {
    let client = at(URL);
    let mut keep = |name: &str, value: Value| seen.insert(name.to_owned(), value);
    let current = Profile { real_time_data_needed: Some(true), ..known() };

    let decided = assess(&client, request(current.clone())).unwrap();
    assert!(decided.recommendation.is_some());
    assert_eq!(*decided.path[0].answer, Answer::Boolean(false));
    assert_eq!(decided.path[0].branch.text, "no");
    keep("decided", to_value(&decided).unwrap());
    let undecided = assess(&client, request(known())).unwrap();
    assert!(undecided.next_question.is_some());
    keep("undecided", to_value(undecided).unwrap());
    let large = Profile { kb_tokens: Some(1_000_000_000_000), ..Profile::default() };
    let wide = AssessRequest { tree_version: Some(TreeVersion::V2_0_0), ..request(large) };
    keep("wide", to_value(assess(&client, wide).unwrap()).unwrap());

    let profiles = vec![
        to_value(Profile { real_time_data_needed: Some(true), ..Profile::default() }).unwrap(),
        json!({}),
        json!({"real_time_data_needed": "yes"}),
    ];
    let defaults = Some(Box::new(known()));
    let batch = assess_batch(&client, BatchRequest { defaults, ..BatchRequest::new(profiles) }).unwrap();
    assert_eq!(batch.results[2].errors.as_ref().unwrap().len(), 1);
    keep("batch", to_value(batch).unwrap());
    let why = ExplainRequest {
        target: Some(RecommendationId::UsePromptEngineering),
        frozen: Some(vec![InputName::KnowledgeRetrievalProblem]),
        limit: Some(3),
        ..ExplainRequest::new(current)
    };
    let explanation = explain(&client, why).unwrap();
    assert_eq!(*explanation.counterfactuals[0].changes[0].to, Answer::Boolean(true));
    keep("explanation", to_value(explanation).unwrap());

    keep("tree", to_value(get_tree(&client, None).unwrap()).unwrap());
    let response = client.client.get(format!("{URL}/tree")).send().unwrap();
    let etag = response.headers()["etag"].to_str().unwrap().to_owned();
    match get_tree(&client, Some(&etag)) {
        Err(Error::Serde(_)) => keep("unchanged", json!(304)), // an answer without a body
        other => panic!("not unchanged: {other:?}"),
    };
    let newest = TreeVersion::V3_0_0;
    keep("versions", to_value(list_versions(&client, None).unwrap()).unwrap());
    keep("version", to_value(get_version(&client, newest, None).unwrap()).unwrap());
    let changes = get_changes(&client, &decided.tree.version, newest, None).unwrap();
    keep("changes", to_value(changes).unwrap());
    keep("meaning", to_value(explain_problem(&client, ProblemSlug::InvalidRequest).unwrap()).unwrap());
}

fn errors(seen: &mut Map<String, Value>) {
    let deep = (0..2000).fold(json!(1), |inner, _| json!([inner]));
    let huge = vec![json!("x".repeat(9_000_000))];
    let negative = Profile { eval_examples: Some(-1), ..Profile::default() };
    let elsewhere = format!("{URL}/elsewhere");
    let invalid = problem(assess(&at(URL), request(negative)));
    assert_eq!(
        invalid.errors.as_ref().unwrap()[0].pointer.as_deref(),
        Some("#/profile/eval_examples")
    );
    for found in [
        problem(assess_batch(&at(URL), BatchRequest::new(vec![deep]))),
        problem(get_version(&at(&elsewhere), TreeVersion::V2_0_0, None)),
        problem(assess(&sending("accept", "text/html"), request(known()))),
        problem(get_tree(&sending("if-match", "\"another\""), None)),
        problem(assess_batch(&at(URL), BatchRequest::new(huge))),
        problem(assess(&sending("content-encoding", "gzip"), request(known()))),
        invalid,
    ] {
        seen.insert(found.status.to_string(), to_value(found).unwrap());
    }
}

fn main() {
    let mut seen = Map::new();
    answers(&mut seen);
    errors(&mut seen);
    println!("{}", Value::Object(seen));
}
