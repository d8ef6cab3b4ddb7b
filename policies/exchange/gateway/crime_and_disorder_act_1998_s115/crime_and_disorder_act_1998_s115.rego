# METADATA
# title: Crime and Disorder Act 1998, section 115
# description: |
#   A power to disclose to a relevant authority where that is necessary or expedient for a provision of the Act. No
#   consent is needed. It sets aside neither data protection law nor confidence.
# related_resources:
# - https://www.legislation.gov.uk/ukpga/1998/37/section/115
# custom:
#   citation: Crime and Disorder Act 1998, s. 115
#   extent: England and Wales
#   in_force: "1998-09-30"
#   counsel_review: pending
package exchange.gateway.crime_and_disorder_act_1998_s115

conditions := {"gateway.s115.recipient", "gateway.s115.assertion"}

met := {code | some code in conditions; holds(code)}

holds("gateway.s115.recipient") if {
	data.law.organisation_types[input.request.requester.type].relevant_authority == true
}

# `ref` names the provision, as in `cda-1998-s6`.
holds("gateway.s115.assertion") if {
	some assertion in input.request.assertions
	assertion.condition == "s115-necessary-or-expedient"
	startswith(assertion.ref, "cda-1998-s")
}

# METADATA
# description: The power asks nothing of the person; choices and the overlay do.
person_unmet(_) := set()
