package exchange.attribute_test

import data.exchange.attribute
import data.exchange.testing_test as t

test_met if attribute.unmet("breathing") == set() with input as t.question

test_unknown if attribute.unmet("diagnosis") == attribute.conditions with input as t.question

cases := [
	{"input": t.of_field("necessary_for", []), "unmet": {"attribute.necessary"}},
	{"input": t.of_field("retention_days", 0), "unmet": {"attribute.retention"}},
	{"input": t.of_field("retention_days", 181), "unmet": {"attribute.retention"}},
	{"input": t.of_field("category", "x"), "unmet": {"attribute.category"}},
	{"input": t.of_field("transform", "x"), "unmet": {"attribute.transform"}},
]

test_each if {
	every case in cases {
		found := attribute.unmet("breathing") with input as case.input
		found == case.unmet
	}
}

test_effect if {
	attribute.effect({"transform": "exact"}) == "release"
	attribute.effect({"transform": "yes_no"}) == "transform"
}
