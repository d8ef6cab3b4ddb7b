package exchange.reasons_test

import data.exchange.agreement
import data.exchange.attribute
import data.exchange.choice
import data.exchange.confidence
import data.exchange.dp
import data.exchange.gateway
import data.exchange.linkage
import data.exchange.reasons
import data.exchange.shape

test_known if reasons.texts({"gateway.none"}) == {"gateway.none": data.reasons["gateway.none"]}

test_unknown_has_words if {
	reasons.texts({"x.y"}) == {"x.y": {
		"statute": "default deny",
		"condition": "x.y",
		"sentence": "A condition of the policy is not met.",
		"mend": "Report this code to whoever maintains the policy: it has no words yet.",
	}}
}

# Every condition has its words, and every row its condition.
test_catalogue_is_complete if {
	layers := [
		shape.conditions, shape.person_conditions, agreement.conditions, linkage.conditions, attribute.conditions,
		dp.conditions, dp.person_conditions, confidence.conditions, confidence.person_conditions,
		choice.conditions, choice.field_conditions, {"gateway.none"},
		data.exchange.gateway.revenue_prohibition.conditions,
	]
	codes := ({code | some layer in layers; some code in layer} | {code |
		some id in object.keys(gateway.conditions)
		some code in gateway.conditions[id]
	}) | {code |
		some id in object.keys(gateway.conditions)
		some code in data.exchange.gateway[id].person_conditions
	}
	codes == object.keys(data.reasons)
}

# Every gateway that can carry something is in the tables and in the router.
test_gateways_are_complete if {
	tables := {id | some id, row in data.law.gateways; row.kind in {"power", "duty", "consent"}}
	tables == object.keys(gateway.conditions)
	tables == object.keys(gateway.met)
}
