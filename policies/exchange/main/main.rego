# METADATA
# title: The only entry point
# description: |
#   Every layer lists conditions, and a condition is either met or a reason to deny. Nothing is released unless no
#   condition is left unmet. A condition that errs, or whose facts are missing, is not met.
package exchange.main

import data.exchange.agreement
import data.exchange.attribute
import data.exchange.choice
import data.exchange.confidence
import data.exchange.dp
import data.exchange.gateway
import data.exchange.linkage
import data.exchange.reasons
import data.exchange.shape

# METADATA
# title: The answer to one question
# entrypoint: true
default decision := {
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

decision := {
	"v": 1,
	"operation": input.request.operation,
	"request": input.request.id,
	"allow": allow,
	"review": review,
	"attributes": attributes,
	"by_class": by_class,
	"obligations": obligations,
	"reasons": sort(question_unmet),
	"texts": reasons.texts(codes),
} if input.v == 1

# What the question itself lacks, whoever the people are.
question_unmet := (shape.unmet | agreement.unmet) | linkage.unmet

default allow := false

allow if {
	input.request.operation == "ask"
	question_unmet == set()
	every name in input.request.attributes { field_unmet[name] == set() }
}

allow if {
	input.request.operation in {"link", "release"}
	question_unmet == set()
}

default review := false

review if input.request.emergency == true

# What each attribute lacks, whoever the people are.
field_unmet := {name: codes |
	some name in input.request.attributes
	codes := field_codes(name)
}

# Of a column that the agreement does not have there is nothing else to say.
field_codes(name) := ((attribute.unmet(name) | dp.unmet(name)) | confidence.unmet(name)) | gateway.unmet if {
	agreement.fields[name].name == name
} else := {"attribute.agreed"}

attributes := {name: answer |
	some name in input.request.attributes
	answer := field_answer(name, field_unmet[name], gateway.possible)
}

by_class := {facts.class: answer |
	some facts in input.facts
	input.request.operation in {"link", "release"}
	answer := class_answer(facts)
}

# One class of facts at a time, so that the cost grows with their number and not with its square.
class_answer(facts) := {
	"allow": count(granted) > 0,
	"review": choice.review(facts),
	"reasons": sort(about_person),
	"attributes": answers,
} if {
	about_person := shape.person_unmet(facts) | choice.unmet(facts)
	routes := gateway.routes(facts)
	lacking := gateway.person_unmet(facts, routes)
	answers := {name: answer |
		some name in input.request.attributes
		answer := field_answer(name, person_codes(name, facts, about_person | lacking), routes)
	}
	granted := [name | some name, answer in answers; answer.effect in {"release", "transform"}]
}

# What nobody's data may do, or else what this person's may not.
person_codes(name, facts, others) := field_unmet[name] if {
	field_unmet[name] != set()
} else := ((dp.person_unmet(name, facts) | confidence.person_unmet(name, facts)) | choice.field_unmet(name, facts)) | others

# METADATA
# description: An attribute is granted where nothing is unmet and a gateway carries it; anything else is a deny.
field_answer(name, unmet, routes) := {
	"effect": attribute.effect(field),
	"transform": field.transform,
	"basis": dp.basis(field),
	"gateway": routes[0],
	"reasons": [],
} if {
	unmet == set()
	question_unmet == set()
	field := agreement.fields[name]
} else := {
	"effect": "deny",
	"transform": "none",
	"basis": [],
	"gateway": "",
	"reasons": sort(unmet),
}

obligations := [duty |
	some name in input.request.attributes
	field := agreement.fields[name]
	duty := {
		"attribute": name,
		"retention_days": field.retention_days,
		"onward": input.agreement.onward_sharing,
		"notify": input.request.emergency,
	}
]

codes := (({code | some code in question_unmet} | {code |
	some answer in attributes
	some code in answer.reasons
}) | {code |
	some person in by_class
	some code in person.reasons
}) | {code |
	some person in by_class
	some answer in person.attributes
	some code in answer.reasons
}
