// A round trip with the generated client: every operation that answers JSON, and each kind of error.
package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"example/advisor"
)

const url = "http://127.0.0.1:8080"

var (
	ctx  = context.Background()
	seen = map[string]any{}
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(holds bool) {
	if !holds {
		panic("not what was expected")
	}
}

func at[T any](value T) *T { return &value }

func clientOf(server string) *advisor.ClientWithResponses {
	return must(advisor.NewClientWithResponses(server))
}

func with(name, value string) advisor.RequestEditorFn {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set(name, value)
		return nil
	}
}

func refused(body []byte, response *http.Response) {
	var problem advisor.Problem
	if err := json.Unmarshal(body, &problem); err != nil {
		panic(err)
	}
	check(int(problem.Status) == response.StatusCode)
	seen[strconv.Itoa(response.StatusCode)] = problem
}

func main() {
	client := clientOf(url)
	known := advisor.Profile{PromptEngineeringSufficient: at(false), KnowledgeRetrievalProblem: at(true)}
	current := known
	current.RealTimeDataNeeded = at(true)

	decided := must(client.AssessWithResponse(ctx, advisor.AssessRequest{Profile: current})).JSON200
	check(decided.Recommendation != nil && !must(decided.Path[0].Answer.AsAnswer0()))
	check(decided.Path[0].Branch.Text == "no")
	seen["decided"] = decided
	undecided := must(client.AssessWithResponse(ctx, advisor.AssessRequest{Profile: known})).JSON200
	check(undecided.NextQuestion != nil)
	seen["undecided"] = undecided
	evidence, newest := advisor.TreeVersion("2.0.0"), advisor.TreeVersion("3.0.0")
	wide := advisor.AssessRequest{Profile: advisor.Profile{KbTokens: at(int64(1_000_000_000_000))}, TreeVersion: &evidence}
	seen["wide"] = must(client.AssessWithResponse(ctx, wide)).JSON200

	profiles := []any{advisor.Profile{RealTimeDataNeeded: at(true)}, struct{}{}, map[string]any{"real_time_data_needed": "yes"}}
	batch := must(client.AssessBatchWithResponse(ctx, advisor.BatchRequest{Profiles: profiles, Defaults: &known})).JSON200
	check(len(*batch.Results[2].Errors) == 1)
	seen["batch"] = batch
	seen["explanation"] = must(client.ExplainWithResponse(ctx, advisor.ExplainRequest{
		Profile: current,
		Target:  at(advisor.RecommendationId("use_prompt_engineering")),
		Frozen:  &[]advisor.InputName{"knowledge_retrieval_problem"},
		Limit:   at(int32(3)),
	})).JSON200

	first := must(client.GetTreeWithResponse(ctx, nil))
	seen["tree"] = first.JSON200
	etag := first.HTTPResponse.Header.Get("ETag")
	again := must(client.GetTreeWithResponse(ctx, &advisor.GetTreeParams{IfNoneMatch: &etag}))
	check(again.JSON200 == nil)
	seen["unchanged"] = again.StatusCode()
	seen["versions"] = must(client.ListVersionsWithResponse(ctx, nil)).JSON200
	seen["version"] = must(client.GetVersionWithResponse(ctx, newest, nil)).JSON200
	since := advisor.GetChangesParams{Since: advisor.TreeVersion(decided.Tree.Version)}
	seen["changes"] = must(client.GetChangesWithResponse(ctx, newest, &since)).JSON200
	seen["meaning"] = must(client.ExplainProblemWithResponse(ctx, "invalid-request")).JSON200

	errors(client, known, newest)
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		panic(err)
	}
}

func errors(client *advisor.ClientWithResponses, known advisor.Profile, newest advisor.TreeVersion) {
	request := advisor.AssessRequest{Profile: known}
	cut := func(_ context.Context, request *http.Request) error {
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader("{")), 1
		return nil
	}
	malformed := must(client.AssessWithResponse(ctx, request, cut))
	refused(malformed.Body, malformed.HTTPResponse)
	missing := must(clientOf(url+"/elsewhere").GetVersionWithResponse(ctx, newest, nil))
	refused(missing.Body, missing.HTTPResponse)
	picky := must(client.AssessWithResponse(ctx, request, with("Accept", "text/html")))
	refused(picky.Body, picky.HTTPResponse)
	outdated := must(client.GetTreeWithResponse(ctx, nil, with("If-Match", `"another"`)))
	refused(outdated.Body, outdated.HTTPResponse)
	huge := advisor.BatchRequest{Profiles: []any{strings.Repeat("x", 9_000_000)}}
	large := must(client.AssessBatchWithResponse(ctx, huge))
	refused(large.Body, large.HTTPResponse)
	plain := must(client.AssessWithResponse(ctx, request, with("Content-Type", "text/plain")))
	refused(plain.Body, plain.HTTPResponse)
	negative := advisor.AssessRequest{Profile: advisor.Profile{EvalExamples: at(int32(-1))}}
	invalid := must(client.AssessWithResponse(ctx, negative))
	check(*(*invalid.ApplicationproblemJSON422.Errors)[0].Pointer == "#/profile/eval_examples")
	refused(invalid.Body, invalid.HTTPResponse)
}
