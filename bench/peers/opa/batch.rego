# Many profiles in one request, for the benchmark: Open Policy Agent's own API takes one input at a time.
package batch

import rego.v1

outcomes := [outcome |
	some profile in input.profiles
	outcome := data.finetune_advisor.outcome with input as profile
]
