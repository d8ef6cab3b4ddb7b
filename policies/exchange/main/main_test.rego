package exchange.main_test

import data.exchange.main
import data.exchange.testing_test as t

granted := {
	"effect": "transform",
	"transform": "repair_priority",
	"basis": ["eu-gdpr:A6-1-e", "eu-gdpr:A9-2-h"],
	"gateway": "direct_referral_consent",
	"reasons": [],
}

denied(reasons) := {"effect": "deny", "transform": "none", "basis": [], "gateway": "", "reasons": reasons}

duty := {"attribute": "breathing", "retention_days": 90, "onward": "none", "notify": false}

test_release_whole if {
	main.decision == {
		"v": 1,
		"operation": "release",
		"request": "r",
		"allow": true,
		"review": false,
		"attributes": {"breathing": granted},
		"by_class": {"c0": {
			"allow": true,
			"review": false,
			"reasons": [],
			"attributes": {"breathing": granted},
		}},
		"obligations": [duty],
		"reasons": [],
		"texts": {},
	} with input as t.question
}

test_ask_whole if {
	main.decision == {
		"v": 1,
		"operation": "ask",
		"request": "r",
		"allow": true,
		"review": false,
		"attributes": {"breathing": granted},
		"by_class": {},
		"obligations": [duty],
		"reasons": [],
		"texts": {},
	} with input as t.asking("operation", "ask")
}

test_withdrawn_whole if {
	answer := main.decision with input as object.union(t.question, {"facts": [t.withdrawn]})
	codes := ["confidence.consent", "gateway.direct-referral-consent.consent", "gateway.none"]
	answer == {
		"v": 1,
		"operation": "release",
		"request": "r",
		"allow": true,
		"review": false,
		"attributes": {"breathing": granted},
		"by_class": {"c0": {
			"allow": false,
			"review": false,
			"reasons": [],
			"attributes": {"breathing": denied(codes)},
		}},
		"obligations": [duty],
		"reasons": [],
		"texts": {code: data.reasons[code] | some code in codes},
	}
}

test_objection_whole if {
	person := object.union(t.agreed, {"objection": true})
	answer := main.decision with input as object.union(t.question, {"facts": [person]})
	answer.by_class == {"c0": {
		"allow": false,
		"review": true,
		"reasons": ["choice.objection"],
		"attributes": {"breathing": denied(["choice.objection"])},
	}}
}

# One reason about the question denies everybody.
test_question_denied_whole if {
	answer := main.decision with input as t.agreeing("status", "suspended")
	answer == {
		"v": 1,
		"operation": "release",
		"request": "r",
		"allow": false,
		"review": false,
		"attributes": {"breathing": denied([])},
		"by_class": {"c0": {
			"allow": false,
			"review": false,
			"reasons": [],
			"attributes": {"breathing": denied([])},
		}},
		"obligations": [duty],
		"reasons": ["agreement.active"],
		"texts": {"agreement.active": data.reasons["agreement.active"]},
	}
}

test_each_class_for_itself if {
	people := [t.agreed, object.union(t.withdrawn, {"class": "c1"}), object.union(t.agreed, {"class": "c2"})]
	answer := main.decision with input as object.union(t.question, {"facts": people})
	{class: person.allow | some class, person in answer.by_class} == {"c0": true, "c1": false, "c2": true}
}

test_unknown_attribute_of_a_granted_person if {
	answer := main.decision with input as t.asking("attributes", ["breathing", "diagnosis"])
	answer.by_class.c0 == {
		"allow": true,
		"review": false,
		"reasons": [],
		"attributes": {"breathing": granted, "diagnosis": denied(["attribute.agreed"])},
	}
}

test_emergency_is_reviewed_and_notified if {
	answer := main.decision with input as t.asking("emergency", true)
	answer.review == true
	answer.obligations == [object.union(duty, {"notify": true})]
}

no_answer := {
	"v": 1,
	"operation": "none",
	"request": "",
	"allow": false,
	"review": false,
	"attributes": {},
	"by_class": {},
	"obligations": [],
	"reasons": ["main.no-answer"],
	"texts": {"main.no-answer": {
		"statute": "default deny",
		"condition": "every layer gives an answer",
		"sentence": "The policy could not answer this question, so the answer is no.",
		"mend": "Report the request's id to whoever runs the node: the question has a form the policy does not know.",
	}},
}

test_no_input_whole if main.decision == no_answer with input as {}

test_other_version_whole if main.decision == no_answer with input as object.union(t.question, {"v": 2})

test_unknown_operation_denies if {
	answer := main.decision with input as t.asking("operation", "delete")
	answer.allow == false
	answer.by_class == {}
	answer.reasons == ["shape.question"]
}
