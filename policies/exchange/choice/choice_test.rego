package exchange.choice_test

import data.exchange.choice
import data.exchange.testing_test as t

person(changes) := object.union(t.agreed, changes)

consent(changes) := object.union(t.agreed.consents[0], changes)

test_each if {
	cases := [
		{"facts": t.agreed, "unmet": set()},
		{"facts": person({"restriction": true}), "unmet": {"choice.restriction"}},
		{"facts": person({"objection": true}), "unmet": {"choice.objection"}},
		{"facts": person({"deceased": true}), "unmet": {"choice.excluded"}},
		{"facts": {}, "unmet": choice.conditions - {"choice.cohort-consent"}},
	]
	every case in cases {
		found := choice.unmet(case.facts) with input as t.question
		found == case.unmet
	}
}

test_exclusions_by_any_mark if {
	question := t.agreeing("population", {"exclusions": ["at-risk", "under-16", "protected-address"]})
	every changes in [{"at_risk": true}, {"age_band": "under-16"}, {"flags": ["other", "protected-address"]}] {
		found := choice.unmet(person(changes)) with input as question
		found == {"choice.excluded"}
	}
	choice.unmet(person({"deceased": true})) == set() with input as question
}

test_agreed if {
	every consents in [
		[consent({})],
		[consent({"from": 2000000500})],
		[consent({"to": 2000000501})],
		[consent({"withdrawn_at": 2000000200}), consent({"from": 2000000300})],
		[consent({}), consent({"scope": "x", "withdrawn_at": 2000000400})],
		[consent({}), consent({"purposes": ["x"], "withdrawn_at": 2000000400})],
	] {
		choice.agreed(person({"consents": consents})) with input as t.question
	}
}

not_agreed := [
	[],
	[consent({"from": 2000000501})],
	[consent({"to": 2000000500})],
	[consent({"scope": "x"})],
	[consent({"purposes": []})],
	[consent({"purposes": ["x"]})],
	[consent({"withdrawn_at": 2000000400})],
	[consent({"withdrawn_at": 2000000600})],
	[consent({}), consent({"withdrawn_at": 2000000100})],
	[consent({}), consent({"purposes": [], "withdrawn_at": 2000000400})],
	[consent({}), consent({"from": 2000000300, "withdrawn_at": 2000000400})],
]

# The same condition from the other side, as a rule sees it: without consent the reason is there.
test_not_agreed if {
	every consents in not_agreed {
		found := data.exchange.confidence.person_unmet("breathing", person({"consents": consents})) with input as t.question
		found == {"confidence.consent"}
	}
}

test_every_scope_is_needed if {
	question := t.of_flow("consent_scopes", ["northgate-homes", "castle-nhs"])
	one := t.agreed
	both := person({"consents": [consent({}), consent({"scope": "castle-nhs"})]})
	data.exchange.confidence.person_unmet("breathing", one) == {"confidence.consent"} with input as question
	data.exchange.confidence.person_unmet("breathing", both) == set() with input as question
	none := t.of_flow("consent_scopes", [])
	data.exchange.confidence.person_unmet("breathing", both) == {"confidence.consent"} with input as none
}

test_opt_out if {
	opted := person({"opt_out": true})
	alone := object.union(opted, {"consents": []})
	national := t.agreeing("opt_out_rule", "national")
	care := object.union(national, {"agreement": {"purposes": [{"id": "repairs", "individual_care": true}]}})
	housing := object.union(t.of_field("category", "housing"), {"agreement": {"opt_out_rule": "national"}})
	choice.field_unmet("breathing", opted) == {"choice.opt-out"} with input as t.question
	choice.field_unmet("breathing", alone) == {"choice.opt-out"} with input as national
	choice.field_unmet("breathing", opted) == set() with input as national
	choice.field_unmet("breathing", alone) == set() with input as care
	choice.field_unmet("breathing", alone) == set() with input as housing
}

test_the_requesters_own_people if {
	link := object.union(t.asking("operation", "link"), {"request": {"side": "requester"}})
	strict := object.union(link, {"agreement": {"reverse_disclosure": {"consent": true}}})
	choice.cohort_side with input as link
	choice.unmet(t.withdrawn) == set() with input as link
	choice.unmet(t.withdrawn) == {"choice.cohort-consent"} with input as strict
	choice.unmet(t.agreed) == set() with input as strict
	national := object.union(link, {"agreement": {"opt_out_rule": "national"}})
	opted := object.union(t.withdrawn, {"opt_out": true})
	choice.field_unmet("breathing", opted) == {"choice.opt-out"} with input as link
	choice.field_unmet("breathing", opted) == set() with input as national
	data.exchange.dp.person_unmet("breathing", t.withdrawn) == set() with input as link
	data.exchange.confidence.person_unmet("breathing", t.withdrawn) == set() with input as link
	choice.cohort_side == false with input as t.asking("side", "requester")
}

test_review if {
	choice.review(person({"objection": true})) == true
	choice.review(t.agreed) == false
}
