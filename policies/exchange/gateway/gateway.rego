# METADATA
# title: Legal gateways
# description: |
#   At least one gateway that the agreement cites must carry the disclosure, and every prohibition must be lifted. A
#   gateway has conditions about the question and conditions about the person. A new gateway is a folder here, a row
#   in `law/data.yaml`, its reasons in `reasons/data.yaml`, and its lines in this file.
package exchange.gateway

import data.exchange.agreement
import data.exchange.choice
import data.exchange.gateway.crime_and_disorder_act_1998_s115
import data.exchange.gateway.direct_referral_consent
import data.exchange.gateway.housing_act_1996_s213b
import data.exchange.gateway.revenue_consent
import data.exchange.gateway.revenue_prohibition

conditions := {
	"crime_and_disorder_act_1998_s115": crime_and_disorder_act_1998_s115.conditions,
	"direct_referral_consent": direct_referral_consent.conditions,
	"housing_act_1996_s213b": housing_act_1996_s213b.conditions,
	"revenue_consent": revenue_consent.conditions,
}

met := {
	"crime_and_disorder_act_1998_s115": crime_and_disorder_act_1998_s115.met,
	"direct_referral_consent": direct_referral_consent.met,
	"housing_act_1996_s213b": housing_act_1996_s213b.met,
	"revenue_consent": revenue_consent.met,
}

person_unmet_of("crime_and_disorder_act_1998_s115", facts) := crime_and_disorder_act_1998_s115.person_unmet(facts)

person_unmet_of("direct_referral_consent", facts) := direct_referral_consent.person_unmet(facts)

person_unmet_of("housing_act_1996_s213b", facts) := housing_act_1996_s213b.person_unmet(facts)

person_unmet_of("revenue_consent", facts) := revenue_consent.person_unmet(facts)

# The cited gateways that could carry this question for someone, in the agreement's order.
possible := [id |
	some id in agreement.flow.gateways
	data.law.gateways[id].in_force_from <= input.now
	input.now < data.law.gateways[id].in_force_to
	conditions[id] - met[id] == set()
]

unmet := (any_possible | missing) | revenue_prohibition.unmet(possible)

any_possible := set() if count(possible) > 0

else := {"gateway.none"}

# Why none of them does.
missing := set() if count(possible) > 0

else := {code |
	some id in agreement.flow.gateways
	some code in (conditions[id] - met[id])
}

# METADATA
# description: The gateways that carry the disclosure of this person's data, in the agreement's order.
routes(facts) := possible if choice.cohort_side

else := [id | some id in possible; person_unmet_of(id, facts) == set()]

person_unmet(facts, found) := revenue_prohibition.unmet(found) | carried(facts, found)

carried(facts, found) := set() if {
	count(found) > 0
} else := {"gateway.none"} | {code |
	some id in possible
	some code in person_unmet_of(id, facts)
}
