// Command oracle evaluates Rego with Open Policy Agent: a line {"model", "profiles"} in, a line of outcomes out.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/rego"
)

type question struct {
	Model    string            `json:"model"`
	Profiles []json.RawMessage `json:"profiles"`
}

type answer struct {
	Outcomes []any  `json:"outcomes"`
	Error    string `json:"error,omitempty"`
}

func main() {
	lines := json.NewDecoder(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := lines.Decode(&asked); err != nil {
			return
		}
		outcomes, err := evaluate(context.Background(), asked)
		told := answer{Outcomes: outcomes}
		if err != nil {
			told.Error = err.Error()
		}
		if err := out.Encode(told); err != nil {
			panic(err)
		}
	}
}

func evaluate(ctx context.Context, asked question) ([]any, error) {
	query, err := rego.New(
		rego.Query("data.finetune_advisor.outcome"),
		rego.Module("tree.rego", asked.Model),
		rego.Strict(true),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	outcomes := []any{}
	for _, raw := range asked.Profiles {
		var profile any
		exact := json.NewDecoder(bytes.NewReader(raw))
		exact.UseNumber()
		if err := exact.Decode(&profile); err != nil {
			return nil, err
		}
		results, err := query.Eval(ctx, rego.EvalInput(profile))
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", raw, err)
		}
		var outcome any
		if len(results) > 0 {
			outcome = results[0].Expressions[0].Value
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}
