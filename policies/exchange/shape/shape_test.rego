package exchange.shape_test

import data.exchange.shape
import data.exchange.testing_test as t

test_well_formed if {
	shape.unmet == set() with input as t.question
	shape.person_unmet(t.agreed) == set()
}

test_each if {
	every question in [
		{},
		object.union(t.question, {"now": "500"}),
		t.asking("side", "x"),
		t.asking("attributes", "breathing"),
		t.asking("attributes", [1]),
		t.asking("linkage", {"precision_bp": "9900"}),
		t.asking("assertions", [{"condition": "c", "by": "o", "at": "1", "ref": "r"}]),
		t.agreeing("population", {"exclusions": "deceased"}),
		t.agreeing("opt_out_rule", "never"),
		t.agreeing("purposes", [{"id": "repairs"}]),
		t.of_field("special", "false"),
		t.of_flow("consent_scopes", "northgate-homes"),
	] {
		found := shape.unmet with input as question
		found == {"shape.question"}
	}
}

test_each_person if {
	every facts in [
		{},
		object.union(t.agreed, {"flags": "x"}),
		object.union(t.agreed, {"age_band": 44}),
		object.union(t.agreed, {"opt_out": 0}),
		object.union(t.agreed, {"consents": [{}]}),
		object.union(t.agreed, {"consents": [object.union(t.agreed.consents[0], {"withdrawn_at": "never"})]}),
	] {
		shape.person_unmet(facts) == {"shape.facts"}
	}
}
