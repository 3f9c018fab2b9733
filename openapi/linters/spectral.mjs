// The rules of Spectral for the contract. The reason for each exception is above it.

import { oas3 } from "@stoplight/spectral-formats";
import { falsy, schema } from "@stoplight/spectral-functions";
import owasp from "@stoplight/spectral-owasp-ruleset";
import { oas } from "@stoplight/spectral-rulesets";

const OPERATION = "$.paths[*][get,put,post,delete,options,head,patch,trace]";
const BODY = `${OPERATION}.requestBody.content[*].schema`;

/** Applies an OWASP rule to requests only: a limit protects the server. */
const ofRequests = (rule, type) => ({
  ...owasp.rules[rule],
  given: [
    `${BODY}..[?(@ && @.type=="${type}")]`,
    // Headers are opaque here and limited by the HTTP server; a limit would refuse valid entity tags.
    `$.paths[*]..parameters[?(@.in!="header")][?(@property=="schema" && @.type=="${type}")]`,
  ],
});

export default {
  formats: [oas3],
  extends: [oas, owasp],
  rules: {
    "no-default-response": {
      description: "Every status is documented by itself: a default response would match any status.",
      given: `${OPERATION}.responses`,
      severity: "error",
      then: { field: "default", function: falsy },
    },
    "closed-request-schema": {
      description: "Every object of a request refuses unknown fields.",
      given: [`${BODY}`, `${BODY}..[?(@ && (@.type=="object" || @.properties))]`],
      severity: "error",
      then: {
        function: schema,
        functionOptions: {
          schema: { properties: { additionalProperties: { const: false } }, required: ["additionalProperties"] },
        },
      },
    },

    // The API is public by design: it stores nothing and answers everybody alike. A gateway may authenticate callers.
    "owasp:api2:2023-read-restricted": "off",
    "owasp:api2:2023-write-restricted": "off",
    "owasp:api8:2023-define-error-responses-401": "off",

    // The gateway in front limits rates, and documents its 429 and its headers.
    "owasp:api4:2023-rate-limit": "off",
    "owasp:api4:2023-rate-limit-responses-429": "off",

    // A 500 is not part of the contract: clients and fuzzers would take a documented one for a regular answer.
    "owasp:api8:2023-define-error-responses-500": "off",

    // By default, no other origin may read answers, and a response without the header tells browsers so.
    "owasp:api8:2023-define-cors-origin": "off",

    // One contract describes every instance, in any environment.
    "owasp:api9:2023-inventory-environment": "off",

    // Limits protect the server; responses may grow.
    "owasp:api4:2023-array-limit": ofRequests("owasp:api4:2023-array-limit", "array"),
    "owasp:api4:2023-integer-limit": ofRequests("owasp:api4:2023-integer-limit", "integer"),
    "owasp:api4:2023-string-limit": ofRequests("owasp:api4:2023-string-limit", "string"),
    "owasp:api4:2023-string-restricted": ofRequests("owasp:api4:2023-string-restricted", "string"),

    // A number of tokens of text is no credential: the rule as it is, except for names that end in `_tokens`.
    "owasp:api2:2023-no-credentials-in-url": {
      ...owasp.rules["owasp:api2:2023-no-credentials-in-url"],
      given: "$..parameters[?(@ && @.in && @.in.match(/query|path/) && !@.name.match(/_tokens$/))].name",
    },
  },
};
