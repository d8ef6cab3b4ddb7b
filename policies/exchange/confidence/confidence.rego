# METADATA
# title: The common-law duty of confidence
# description: What was told in confidence leaves by consent, statute, overriding public interest or capacity law only.
package exchange.confidence

import data.exchange.agreement
import data.exchange.choice
import data.exchange.gateway

conditions := {"confidence.route", "confidence.statute", "confidence.public-interest"}

unmet(name) := conditions - {code | some code in conditions; holds(code, name)}

confidential(name) := data.law.categories[agreement.fields[name].category].confidential

route := agreement.flow.confidentiality_route

holds(_, name) if confidential(name) == false

holds("confidence.route", _) if route in {"consent", "statute", "public-interest", "capacity"}

holds("confidence.statute", _) if route in {"consent", "public-interest", "capacity"}

# A power to share is not by itself a duty that sets confidence aside.
holds("confidence.statute", _) if {
	route == "statute"
	some id in gateway.possible
	data.law.gateways[id].sets_aside_confidence == true
}

holds("confidence.public-interest", _) if route in {"consent", "statute", "capacity"}

# Recorded case by case, with a reference to the record.
holds("confidence.public-interest", _) if {
	route == "public-interest"
	some assertion in input.request.assertions
	assertion.condition == "public-interest-overrides-confidence"
	assertion.by in {"caldicott-guardian", "siro", "officer"}
	assertion.ref != ""
}

person_conditions := {"confidence.consent", "confidence.capacity"}

person_unmet(name, facts) := person_conditions - {code |
	some code in person_conditions
	person_holds(code, name, facts)
}

person_holds(_, _, _) if choice.cohort_side

person_holds(_, name, _) if confidential(name) == false

person_holds("confidence.consent", _, _) if route in {"statute", "public-interest", "capacity"}

person_holds("confidence.consent", _, facts) if {
	route == "consent"
	choice.agreed(facts)
}

person_holds("confidence.capacity", _, _) if route in {"consent", "statute", "public-interest"}

person_holds("confidence.capacity", _, facts) if {
	route == "capacity"
	"best-interests-recorded" in facts.flags
}
