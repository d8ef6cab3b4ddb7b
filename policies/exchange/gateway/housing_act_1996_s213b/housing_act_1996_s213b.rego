# METADATA
# title: Housing Act 1996, section 213B (duty to refer)
# description: |
#   A specified public authority that thinks somebody is or may become homeless asks whether the person agrees to be
#   referred, and to their contact details being given; the person picks the housing authority.
# related_resources:
# - https://www.legislation.gov.uk/ukpga/1996/52/section/213B
# custom:
#   citation: Housing Act 1996, s. 213B
#   extent: England
#   in_force: "2018-10-01"
#   counsel_review: pending
package exchange.gateway.housing_act_1996_s213b

import data.exchange.choice

conditions := {"gateway.s213b.provider", "gateway.s213b.recipient"}

met := {code | some code in conditions; holds(code)}

holds("gateway.s213b.provider") if data.law.organisation_types[input.request.provider.type].refers_homeless == true

holds("gateway.s213b.recipient") if {
	data.law.organisation_types[input.request.requester.type].housing_authority == true
}

person_conditions := {
	"gateway.s213b.homeless",
	"gateway.s213b.agreed-referral",
	"gateway.s213b.agreed-contact",
	"gateway.s213b.chosen-authority",
}

person_unmet(facts) := person_conditions - {code | some code in person_conditions; person_holds(code, facts)}

person_holds("gateway.s213b.homeless", facts) if "may-be-homeless" in facts.flags

person_holds("gateway.s213b.agreed-referral", facts) if "agreed-homelessness-referral" in facts.flags

person_holds("gateway.s213b.agreed-contact", facts) if "agreed-contact-details" in facts.flags

# Picking the authority is an agreement whose scope is that authority.
person_holds("gateway.s213b.chosen-authority", facts) if choice.agreed_to(input.request.requester.org, facts)
