package exchange.dp_test

import data.exchange.dp
import data.exchange.testing_test as t

# Several changes at once.
flow_and(request, field, value) := object.union(t.of_flow(field, value), {"request": request})

public := {"requester": {"type": "social-care"}}

test_met if dp.unmet("breathing") == set() with input as t.question

cases := [
	{"input": t.of_flow("art6", []), "unmet": {"dp.article-6"}},
	{"input": t.of_flow("art6", ["eu-gdpr:A6-1-z"]), "unmet": {"dp.article-6"}},
	{"input": t.of_flow("art6", ["eu-gdpr:A6-1-a"]), "unmet": set()},
	{"input": flow_and(public, "art6", ["eu-gdpr:A6-1-e"]), "unmet": set()},
	{"input": flow_and(public, "art6", ["eu-gdpr:A6-1-a"]), "unmet": {"dp.article-6-public-authority"}},
	{"input": flow_and(public, "art6", ["eu-gdpr:A6-1-f"]), "unmet": {"dp.article-6-public-authority"}},
	{"input": t.of_flow("art9", []), "unmet": {"dp.article-9"}},
	{"input": t.of_flow("art9", ["x"]), "unmet": {"dp.article-9"}},
	{"input": t.of_field("special", false), "unmet": {"dp.schedule-1"}},
	{"input": t.agreeing("schedule1", []), "unmet": {"dp.schedule-1"}},
	{"input": t.agreeing("schedule1", ["para-99"]), "unmet": {"dp.schedule-1"}},
	{
		"input": object.union(t.agreeing("schedule1", ["para-10"]), {"agreement": {"policy_document": false}}),
		"unmet": {"dp.policy-document"},
	},
	{"input": t.agreeing("policy_document", false), "unmet": set()},
	{"input": t.of_flow("art9", ["eu-gdpr:A9-2-a"]), "unmet": set()},
	{"input": t.of_field("offence", true), "unmet": set()},
	{"input": object.union(t.of_field("offence", true), {"agreement": {"schedule1": []}}), "unmet": {
		"dp.schedule-1",
		"dp.article-10",
	}},
	{"input": t.asking("requester", {"regime": "part3"}), "unmet": set()},
	{"input": t.asking("provider", {"regime": "part3"}), "unmet": {"dp.part-3"}},
	{"input": t.asking("requester", {"regime": "part4"}), "unmet": {"dp.part-3"}},
	{"input": flow_and({"provider": {"regime": "part3"}}, "crossing_authorised", true), "unmet": set()},
]

test_each if {
	every case in cases {
		found := dp.unmet("breathing") with input as case.input
		found == case.unmet
	}
}

test_consent_alone if {
	question := t.of_flow("art6", ["eu-gdpr:A6-1-a"])
	dp.person_unmet("breathing", t.agreed) == set() with input as question
	dp.person_unmet("breathing", t.withdrawn) == {"dp.consent"} with input as question
}

test_explicit_consent_alone if {
	question := t.of_flow("art9", ["eu-gdpr:A9-2-a"])
	explicit := object.union(t.agreed, {"flags": ["explicit-consent"]})
	dp.person_unmet("breathing", explicit) == set() with input as question
	dp.person_unmet("breathing", t.agreed) == {"dp.explicit-consent"} with input as question
	dp.person_unmet("breathing", object.union(explicit, t.withdrawn)) == {"dp.explicit-consent"} with input as question
}

test_basis if {
	dp.basis({"special": true}) == ["eu-gdpr:A6-1-e", "eu-gdpr:A9-2-h"] with input as t.question
	dp.basis({"special": false}) == ["eu-gdpr:A6-1-e"] with input as t.question
}

test_ordinary_data_needs_neither if {
	ordinary := object.union(
		t.agreement.flows[0].attributes[0],
		{"category": "housing", "special": false},
	)
	flow := object.union(t.agreement.flows[0], {"attributes": [ordinary], "art9": ["eu-gdpr:A9-2-a"]})
	question := object.union(t.question, {"agreement": {"flows": [flow], "schedule1": []}})
	dp.unmet("breathing") == set() with input as question
	dp.person_unmet("breathing", t.agreed) == set() with input as question
}
