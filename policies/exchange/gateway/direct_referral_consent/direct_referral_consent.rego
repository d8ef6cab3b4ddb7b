# METADATA
# title: Direct referral by consent
# description: |
#   Health refers to housing or social care, or housing to social care, somebody who agreed to it. This consent sets
#   aside the common-law duty of confidence. It is not the lawful basis under the UK GDPR, which is checked apart.
# related_resources:
# - ref: https://www.legislation.gov.uk/ukpga/2018/12
#   description: Common law; see the Data Protection Act 2018 for the overlay
# custom:
#   citation: Common-law duty of confidence, consent
#   extent: England and Wales
#   in_force: "1974-01-01"
#   counsel_review: pending
package exchange.gateway.direct_referral_consent

import data.exchange.choice

conditions := {"gateway.direct-referral-consent.parties"}

met := {code | some code in conditions; holds(code)}

holds("gateway.direct-referral-consent.parties") if {
	some pair in data.law.direct_referrals
	pair.from == input.request.provider.type
	pair.to == input.request.requester.type
}

person_conditions := {"gateway.direct-referral-consent.consent"}

person_unmet(facts) := person_conditions - {code | some code in person_conditions; person_holds(code, facts)}

person_holds("gateway.direct-referral-consent.consent", facts) if choice.agreed(facts)
