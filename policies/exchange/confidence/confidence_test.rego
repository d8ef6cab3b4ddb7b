package exchange.confidence_test

import data.exchange.confidence
import data.exchange.testing_test as t

routed(route, changes) := object.union(t.of_flow("confidentiality_route", route), changes)

recorded(by, ref) := {"request": {"assertions": [{
	"condition": "public-interest-overrides-confidence",
	"by": by,
	"at": 1,
	"ref": ref,
}]}}

cases := [
	{"input": t.question, "unmet": set()},
	{"input": routed("none", {}), "unmet": confidence.conditions},
	{"input": routed("statute", {}), "unmet": {"confidence.statute"}},
	{"input": routed("public-interest", {}), "unmet": {"confidence.public-interest"}},
	{"input": routed("public-interest", recorded("officer", "case-1")), "unmet": set()},
	{"input": routed("public-interest", recorded("officer", "")), "unmet": {"confidence.public-interest"}},
	{"input": routed("public-interest", recorded("analyst", "case-1")), "unmet": {"confidence.public-interest"}},
	{"input": routed("capacity", {}), "unmet": set()},
	{"input": object.union(t.of_field("category", "housing"), {}), "unmet": set()},
]

test_each if {
	every case in cases {
		found := confidence.unmet("breathing") with input as case.input
		found == case.unmet
	}
}

test_not_confidential_needs_no_route if {
	flow := object.union(t.of_field("category", "housing").agreement.flows[0], {"confidentiality_route": "none"})
	question := object.union(t.question, {"agreement": {"flows": [flow]}})
	confidence.unmet("breathing") == set() with input as question
	confidence.person_unmet("breathing", t.withdrawn) == set() with input as question
}

test_statute_that_sets_confidence_aside if {
	gateways := object.union(data.law.gateways, {"direct_referral_consent": {"sets_aside_confidence": true}})
	confidence.unmet("breathing") == set() with input as routed("statute", {}) with data.law.gateways as gateways
}

test_person if {
	confidence.person_unmet("breathing", t.agreed) == set() with input as t.question
	confidence.person_unmet("breathing", t.withdrawn) == {"confidence.consent"} with input as t.question
	confidence.person_unmet("breathing", t.agreed) == {"confidence.capacity"} with input as routed("capacity", {})
	decided := object.union(t.withdrawn, {"flags": ["best-interests-recorded"]})
	confidence.person_unmet("breathing", decided) == set() with input as routed("capacity", {})
	confidence.person_unmet("breathing", t.agreed) == confidence.person_conditions with input as routed("none", {})
}
